import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import { Problem } from '../problem.js';

/** More messages than this help nobody; a batch of 1,000 bad items would answer megabytes. */
const ERRORS_SHOWN = 50;

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[];
  /** Of an unknown field, which the path does not name. */
  keys?: readonly string[];
}

/** Checks every body, query and parameter against the schema on its decorator, and answers all faults at once. */
export class RequestValidation extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: (issues) => asProblem(issues as readonly Issue[]) });
  }

  override transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    // No body at all is an empty one: a POST whose fields are all optional needs none.
    return super.transform((metadata.type === 'body' && value === undefined ? {} : value) as T, metadata);
  }
}

function asProblem(issues: readonly Issue[]): Problem {
  const errors = issues.slice(0, ERRORS_SHOWN).map(toError);
  const [first] = errors;
  const future = errors.some((error) => error.message.includes('TIME_IN_FUTURE'));
  const detail = first ? `${first.path ? `${first.path}: ` : ''}${first.message}` : 'The request is not valid.';
  return new Problem(400, future ? 'TIME_IN_FUTURE' : 'VALIDATION_FAILED', detail, { errors });
}

export function toError({ path, message, keys }: Issue): { path: string; message: string } {
  const place = [...(path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)), ...(keys ? [keys.join(', ')] : [])];
  return { path: place.join('.').slice(0, 200), message: keys ? 'is not a field of this request' : message.slice(0, 300) };
}
