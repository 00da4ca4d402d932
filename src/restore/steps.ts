export interface Step {
  name: string;
  seconds: number;
}

/** What a restore is at, as it is said and measured. */
export class Steps {
  readonly done: Step[] = [];
  private readonly began = performance.now();

  constructor(
    private readonly say: (line: string) => void,
    readonly signal?: AbortSignal | undefined,
  ) {}

  get seconds(): number {
    return rounded(performance.now() - this.began);
  }

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.signal?.throwIfAborted();
    this.say(`${name} …`);
    const began = performance.now();
    const result = await work();
    this.done.push({ name, seconds: rounded(performance.now() - began) });
    return result;
  }

  note(line: string): void {
    this.say(line);
  }
}

const rounded = (ms: number) => Math.round(ms) / 1_000;
