import { type Level, type PartLevel, PART_LEVELS, PART_RULES, type PartName, PARTS, type SeenPart } from './parts.js';

export interface PartStanding {
  name: PartName;
  level: PartLevel;
  why: string;
  /** Since when it is at this level. RFC 3339. */
  since: string;
  /** What the last look saw, which alone changes nothing. */
  last: PartLevel;
}

export interface Picture {
  level: Level;
  /** The part that fails first among those that fail; null where nothing is critical. */
  cause: PartName | null;
  parts: PartStanding[];
}

const rank = (level: PartLevel): number => PART_LEVELS.indexOf(level);

/** A level counts once two looks in a row saw it, up as well as down: one look is a moment's delay, or a moment's luck. */
export function standing(before: PartStanding | undefined, seen: SeenPart, at: string): PartStanding {
  const was = before?.level ?? 'none';
  const last = before?.last ?? 'none';
  const rises = rank(seen.level) > rank(was) && rank(last) > rank(was);
  const falls = rank(seen.level) < rank(was) && rank(last) < rank(was);
  const now = rises ? lesser(seen.level, last) : falls ? greater(seen.level, last) : was;
  // What it says of itself is of this look, unless it is about to be better: then the reason why it still counts stands.
  const why = now === 'none' ? '' : rank(seen.level) >= rank(now) ? seen.why : (before?.why ?? seen.why);
  return { name: seen.name, level: now, why, since: before === undefined || now !== was ? at : before.since, last: seen.level };
}

const lesser = (one: PartLevel, other: PartLevel): PartLevel => (rank(one) < rank(other) ? one : other);
const greater = (one: PartLevel, other: PartLevel): PartLevel => (rank(one) < rank(other) ? other : one);

export function pictureOf(parts: readonly PartStanding[]): Picture {
  const ordered = [...parts].sort((one, other) => PARTS.indexOf(one.name) - PARTS.indexOf(other.name));
  const critical = ordered.filter(({ level }) => level === 'critical');
  const cascading = critical.filter(({ name }) => PART_RULES[name].spreads).length > 1;
  const level: Level = cascading ? 'cascading' : critical.length > 0 ? 'critical' : ordered.some(({ level: of }) => of === 'warning') ? 'warning' : 'none';
  return { level, cause: causeOf(critical), parts: ordered };
}

/** Of what fails, what leans on nothing that fails; of several the first to fail. */
function causeOf(critical: readonly PartStanding[]): PartName | null {
  const spreading = critical.filter(({ name }) => PART_RULES[name].spreads);
  const failing = spreading.length > 0 ? spreading : critical;
  const names = failing.map(({ name }) => name);
  const roots = failing.filter(({ name }) => !reachable(name).some((below) => names.includes(below)));
  return [...roots].sort((one, other) => Date.parse(one.since) - Date.parse(other.since) || PARTS.indexOf(one.name) - PARTS.indexOf(other.name))[0]?.name ?? null;
}

const reachable = (name: PartName): PartName[] => PART_RULES[name].leansOn.flatMap((below) => [below, ...reachable(below)]);

/** Whether what others need fails. The rest has incidents of its own, and is told of by them. */
export const isFailing = ({ parts }: Pick<Picture, 'parts'>): boolean => parts.some(({ name, level }) => level === 'critical' && PART_RULES[name].spreads);

/** Whether openings are held while it is so. */
export const suspends = ({ level, parts }: Picture): boolean => level === 'cascading' || parts.some((part) => part.level === 'critical' && PART_RULES[part.name].suspends);

/** What a person reads first: "database (does not answer); with it fail schedules, agents". */
export function inWords({ cause, parts }: Picture): string {
  const failing = parts.filter(({ level }) => level === 'critical');
  const first = failing.find(({ name }) => name === cause);
  const others = failing.filter(({ name }) => name !== cause);
  if (!first) return 'nothing fails';
  return `${first.name}: ${first.why}${others.length === 0 ? '' : `; with it ${others.length === 1 ? 'fails' : 'fail'} ${others.map(({ name, why }) => `${name} (${why})`).join(', ')}`}`;
}

/** Every part that is not well, for the log: also what fails alone, and what only warns. */
export const allInWords = ({ parts }: Pick<Picture, 'parts'>): string =>
  parts.filter(({ level }) => level !== 'none').map(({ name, level, why }) => `${name} (${level}: ${why})`).join(', ');
