/** SQL of values as answers write them. Operands are SQL written in the code, never input. */

const PARTS = { s: '', ms: '.MS', us: '.US' } as const;

/** RFC 3339 in UTC. `ms` is what answers have; `us` what is stored, where the text must find the same instant again. */
export const timeText = (time: string, digits: keyof typeof PARTS = 'ms'): string =>
  `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS${PARTS[digits]}"Z"')`;

/** A numeric as a decimal string without zeros at its end. */
export const numericText = (numeric: string): string => `trim_scale(${numeric})::text`;
