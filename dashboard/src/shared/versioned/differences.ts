/** Fields by their paths. */
export type Fields = Record<string, unknown>;

export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

/** @param groups fields whose own fields are told one by one: `parameters.lossesMost` */
export const flat = (content: object, groups: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(content).flatMap(([name, value]) => (groups.includes(name) && value !== null && typeof value === 'object' ? Object.entries(value as object).map(([inner, each]) => [`${name}.${inner}`, each]) : [[name, value]])));

/** The other way round; a group that lost its last field is empty, not gone. */
export function unflat(fields: Fields, groups: readonly string[]): Fields {
  const content: Fields = Object.fromEntries(groups.map((group) => [group, {}]));
  for (const [path, value] of Object.entries(fields)) {
    const group = groups.find((each) => path.startsWith(`${each}.`));
    if (group === undefined) content[path] = value;
    else if (value !== undefined) (content[group] as Fields)[path.slice(group.length + 1)] = value;
  }
  return content;
}

export const isSame = (one: unknown, other: unknown): boolean => (one ?? null) === (other ?? null) || JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** What differs between two states of the same thing. What is not there and what is null say the same. */
export const changesBetween = (before: Fields, after: Fields): Change[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((field) => !isSame(before[field], after[field])).map((field) => ({ field, before: before[field], after: after[field] }));
