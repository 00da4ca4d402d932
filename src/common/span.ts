/** From when to when, of times that name an instant; both null where there is none. What an event of many says of them. */
export function spanOf(times: readonly string[]): { from: string | null; to: string | null } {
  const sorted = times.map((time) => new Date(time)).sort((one, other) => one.getTime() - other.getTime());
  // Times are stored to the microsecond, and these to the millisecond: the last one must lie within.
  return { from: sorted[0]?.toISOString() ?? null, to: sorted.length === 0 ? null : new Date((sorted.at(-1) as Date).getTime() + 1).toISOString() };
}
