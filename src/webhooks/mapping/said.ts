/** What of a payload is text: trimmed, nothing for empty. Numbers are text since they were read. */
export type Payload = Record<string, unknown>;

export const isObject = (value: unknown): value is Payload => value !== null && typeof value === 'object' && !Array.isArray(value);

export function member(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, name) ? (value as Payload)[name] : undefined;
}

export const objectAt = (value: unknown, name: string): Payload => {
  const found = member(value, name);
  return isObject(found) ? found : {};
};

/** Said, but as a list or an object where a text belongs. */
export const NO_TEXT = Symbol('no text');
export type Said = string | null | typeof NO_TEXT;

export function textOf(value: unknown): Said {
  if (value === null || value === undefined) return null;
  if (typeof value === 'object') return NO_TEXT;
  const text = (typeof value === 'string' ? value : String(value as number)).trim();
  return text === '' ? null : text;
}

/** The first that is said of these names in these places. */
export function firstOf(places: unknown[], names: string[]): Said {
  for (const place of places) {
    for (const name of names) {
      const said = textOf(member(place, name));
      if (said !== null) return said;
    }
  }
  return null;
}

export const isUnresolved = (said: unknown): boolean => typeof said === 'string' && said.includes('{{');
