/** The server's clock as this page knows it: a viewer's clock that is wrong makes no age wrong. */
let offsetMs = 0;
let known = false;

/** From the `Date` of an answer, exact to a second; smaller differences are left alone, or ages would jump. */
export function hearServerDate(date: string | null): void {
  const at = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  const offset = at + 500 - Date.now();
  if (!known || Math.abs(offset - offsetMs) > 1_500) offsetMs = Math.abs(offset) < 1_500 ? 0 : offset;
  known = true;
}

export const serverNow = (): number => Date.now() + offsetMs;
