/** From when to when, of times that name an instant; both null where there is none. What an event of many says of them. */
export function spanOf(times: readonly string[]): { from: string | null; to: string | null } {
  if (times.length === 0) return { from: null, to: null };
  const instants = times.map((time) => Date.parse(time)).sort((one, other) => one - other);
  // Times are stored to the microsecond, and these to the millisecond: the last one must lie within.
  return { from: new Date(instants[0] as number).toISOString(), to: new Date((instants.at(-1) as number) + 1).toISOString() };
}
