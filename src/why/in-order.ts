/** In the order in which they are taken where nothing else decides: a cause stands before its usual effects. */
export const STEP_TYPES = [
  'alert', 'prediction', 'halt', 'release', 'idea', 'decision', 'reservation', 'command', 'fill', 'transition', 'explanation', 'closure', 'outcome',
] as const;
export type StepType = (typeof STEP_TYPES)[number];

export interface Step {
  type: StepType;
  id: string;
  /** RFC 3339 in UTC. */
  at: string;
  actor?: string;
  /** One plain sentence. */
  summary: string;
  data: Record<string, unknown>;
}

/** A step with the keys of those that led to it; a key that no step has counts for nothing. */
export interface Caused {
  key: string;
  after: readonly string[];
  step: Step;
}

/**
 * By time, and every step after what led to it: an agent's clock may say that a deal was before the command that it came of. Where causes
 * go round in a circle, which rows that were changed by hand might, the earliest is taken first: no step is lost, and none stands twice.
 */
export function inOrder(steps: readonly Caused[]): Step[] {
  const byTime = steps.map((caused) => ({ caused, time: Date.parse(caused.step.at), rank: STEP_TYPES.indexOf(caused.step.type) }))
    .sort((a, b) => a.time - b.time || a.rank - b.rank || (a.caused.key < b.caused.key ? -1 : 1)).map(({ caused }) => caused);
  const place = new Map(byTime.map(({ key }, n) => [key, n]));
  const taken = new Set<string>();
  const ordered: Step[] = [];
  const take = (caused: Caused): void => {
    if (taken.has(caused.key)) return;
    taken.add(caused.key);
    const causes = caused.after.map((key) => place.get(key)).filter((n) => n !== undefined).sort((a, b) => a - b);
    for (const n of causes) take(byTime[n] as Caused);
    ordered.push(caused.step);
  };
  byTime.forEach(take);
  return ordered;
}
