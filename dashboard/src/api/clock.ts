/** The server's clock as this page knows it: a viewer's clock that is wrong makes no age wrong. */
let offsetMs = 0;
let heard: number[] = [];
/** Of so many answers the quickest is believed: one that came late makes the server's clock look late. */
const LAST = 8;

/** From the `Date` of an answer, exact to a second; smaller differences are left alone, or ages would jump. */
export function hearServerDate(date: string | null): void {
  const at = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  heard = [...heard, at + 500 - Date.now()].slice(-LAST);
  const offset = Math.max(...heard);
  if (Math.abs(offset) < 1_500) offsetMs = 0;
  else if (Math.abs(offset - offsetMs) > 1_500) offsetMs = offset;
}

export const serverNow = (): number => Date.now() + offsetMs;

/** A moment of this machine's clock by the server's. */
export const serverTimeOf = (wall: number): number => wall + offsetMs;
