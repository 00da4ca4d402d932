import { z } from 'zod';

const NAMES: Record<string, string> = {
  string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', array: 'a list', object: 'an object', record: 'an object', null: 'null',
};

const nameOf = (type: string): string => NAMES[type] ?? type;

const amount = (origin: string, limit: number | bigint): string =>
  origin === 'string' ? `${limit} characters` : origin === 'array' || origin === 'set' ? `${limit} entries` : String(limit);

/** What the schemas say where a field type has no words of its own: the limit, not the library's view of it. */
function fieldError(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${nameOf(issue.expected)}`;
    case 'too_big':
      return `must ${issue.origin === 'string' || issue.origin === 'array' ? 'have' : 'be'} at most ${amount(issue.origin, issue.maximum)}`;
    case 'too_small':
      return `must ${issue.origin === 'string' || issue.origin === 'array' ? 'have' : 'be'} at least ${amount(issue.origin, issue.minimum)}`;
    case 'invalid_value':
      return issue.values.length === 1 ? `must be ${String(issue.values[0])}` : `must be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'regex' ? 'has not the right form' : `must be a valid ${issue.format}`;
    case 'invalid_union':
      return issue.input === undefined ? 'is required' : 'is not of a kind that is taken here';
    case 'unrecognized_keys':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
    case 'custom':
      return undefined;
    default:
      return undefined;
  }
}

/** Once for the process: schemas are made before any request. */
export function useFieldErrors(): void {
  z.config({ customError: fieldError });
}
