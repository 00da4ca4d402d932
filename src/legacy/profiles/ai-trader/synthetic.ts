/** What is known of a trade that may have been made up by the back-test seeding, which ran at each start of the old program. */
export interface Suspect {
  entryTime: string;
  exitTime: string | null;
  exitPrice: string | null;
  /** Ours: `target`, `stop` … */
  exitReason: string | null;
  takeProfit: string | null;
  createdAt: string | null;
  /** A prediction, a ticket, a broker, a held size: what the seeding never wrote. */
  hasTrace: boolean;
}

const DAY_MS = 86_400_000;

/** Currencies are not traded from Friday 22:00 to Sunday 21:00 UTC, in summer and winter. */
function isWeekend(time: string): boolean {
  const date = new Date(time);
  const [day, hour] = [date.getUTCDay(), date.getUTCHours()];
  return day === 6 || (day === 5 && hour >= 22) || (day === 0 && hour < 21);
}

/**
 * The marks by which a row is known as made up; empty where it may be a trade. A row with a prediction or a ticket is
 * never suspected. A target that was not hit exactly is a mark beside another only: prices were looked at every 5 minutes.
 */
export function syntheticMarks({ entryTime, exitTime, exitPrice, exitReason, takeProfit, createdAt, hasTrace }: Suspect): string[] {
  if (hasTrace) return [];
  const marks: string[] = [];
  if (createdAt !== null && exitTime !== null && Date.parse(createdAt) > Date.parse(exitTime)) marks.push(`written at ${createdAt}, after its exit at ${exitTime}`);
  else if (createdAt !== null && Date.parse(createdAt) - Date.parse(entryTime) > DAY_MS) marks.push(`written at ${createdAt}, days after its entry at ${entryTime}`);
  if (exitTime !== null && isWeekend(exitTime)) marks.push(`its exit at ${exitTime} is on a weekend`);
  if (isWeekend(entryTime)) marks.push(`its entry at ${entryTime} is on a weekend`);
  if (marks.length > 0 && exitReason === 'target' && takeProfit !== null && exitPrice !== null && exitPrice !== takeProfit) marks.push(`its exit at the target is at ${exitPrice}, not at ${takeProfit}`);
  return marks;
}
