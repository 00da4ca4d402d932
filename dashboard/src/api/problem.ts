/** What an answer of 4xx or 5xx says (RFC 9457), or that there was none. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  retryable?: boolean;
  correlationId?: string;
  errors?: { path: string; message: string }[];
  [extra: string]: unknown;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): string {
    return this.problem.code;
  }

  /** What the server says of one field, by its path such as `payload.lotSize`. */
  of(path: string): string | undefined {
    return this.problem.errors?.find((each) => each.path === path)?.message;
  }
}

/** No answer came at all: nobody knows whether the server did it. */
export const noAnswer = (why: string, wasRead = false): ApiError =>
  new ApiError({ status: 0, code: 'NO_ANSWER', title: 'The server did not answer.', detail: `The server did not answer (${why}).${wasRead ? '' : ' Whether it did what was asked is not known.'}`, retryable: true });

export async function problemOf(response: Response): Promise<ApiError> {
  const problem = (await response.clone().json().catch(() => null)) as Problem | null;
  return new ApiError(problem && typeof problem.code === 'string' ? problem : { status: response.status, code: 'NO_PROBLEM', title: `The server answered ${response.status} without saying why.` });
}
