import { describe, expect, it } from '@jest/globals';
import { PART_LEVELS, PART_RULES, type PartLevel, type PartName, PARTS } from './parts.js';
import { allInWords, inWords, isFailing, type PartStanding, pictureOf, standing, suspends } from './picture.js';

const AT = (second: number) => new Date(Date.UTC(2026, 0, 5, 12, 0, second)).toISOString();
const part = (name: PartName, level: PartLevel, second = 0): PartStanding => ({ name, level, why: `${name} is ${level}`, since: AT(second), last: level });

/** The levels that count after each of these looks. */
const after = (...looks: PartLevel[]) => looks.reduce<PartStanding[]>((past, level, n) => [...past, standing(past.at(-1), { name: 'agents', level, why: level }, AT(n))], []);

describe('what a part stands at', () => {
  it.each<[string, PartLevel[], PartLevel]>([
    ['one look alone changes nothing', ['none', 'critical'], 'none'], ['two in a row do', ['none', 'critical', 'critical'], 'critical'],
    ['the lesser of two that are worse', ['none', 'warning', 'critical'], 'warning'], ['one good look ends nothing', ['critical', 'critical', 'none'], 'critical'],
    ['two do', ['critical', 'critical', 'none', 'none'], 'none'], ['what flaps stays what it was', ['none', 'critical', 'none', 'critical', 'none'], 'none'],
    ['it gets better by as much as both saw', ['critical', 'critical', 'warning', 'none'], 'warning'],
  ])('%s', (_what, looks, expected) => expect(after(...looks).at(-1)?.level).toBe(expected));

  it('is so since the look that made it so', () => expect(after('none', 'critical', 'critical', 'critical').at(-1)).toMatchObject({ since: AT(2), why: 'critical' }));
  it('says while it may be over why it still counts', () => expect(after('critical', 'critical', 'none').at(-1)).toMatchObject({ level: 'critical', why: 'critical' }));
});

describe('the picture', () => {
  it.each<[string, PartStanding[], string]>([
    ['nothing wrong', [part('database', 'none')], 'none null'], ['a warning', [part('agents', 'warning')], 'warning null'], ['one that is critical', [part('agents', 'critical')], 'critical agents'],
    ['two at once', [part('agents', 'critical'), part('schedules', 'critical', 3)], 'cascading agents'],
    ['what others lean on is the likelier cause, also where it was seen later', [part('agents', 'critical', 0), part('database', 'critical', 9), part('schedules', 'critical', 1)], 'cascading database'],
    ['through two others as well', [part('agents', 'critical', 0), part('disk', 'critical', 9)], 'cascading disk'],
    ['of two that lean on nothing that fails the first to fail', [part('schedules', 'critical', 5), part('agents', 'critical', 2)], 'cascading agents'],
    ['what takes nothing with it is no cascade', [part('mirrors', 'critical'), part('alerts', 'critical')], 'critical alerts'],
    ['nor with one that does', [part('mirrors', 'critical'), part('agents', 'critical', 5)], 'critical agents'],
  ])('of %s', (_what, parts, expected) => {
    const { level, cause } = pictureOf(parts);
    expect(`${level} ${cause}`).toBe(expected);
  });

  it('names in the log also what only warns, and what fails alone', () => {
    expect(allInWords(pictureOf([part('alerts', 'critical'), part('database', 'none'), part('agents', 'warning')]))).toBe('agents (warning: agents is warning), alerts (critical: alerts is critical)');
    expect(allInWords(pictureOf([part('database', 'none')]))).toBe('');
  });

  it('leans in no circle, and on parts that there are', () => {
    const depth = (name: PartName, seen: PartName[] = []): number => (seen.includes(name) ? Infinity : 1 + Math.max(0, ...PART_RULES[name].leansOn.map((below) => depth(below, [...seen, name]))));
    expect(PARTS.map((name) => depth(name)).every(Number.isFinite)).toBe(true);
  });

  it('holds openings in a cascade, and where nobody watches over what is open', () => {
    const alone = PARTS.filter((name) => suspends(pictureOf([part(name, 'critical')])));
    expect(alone).toEqual(['disk', 'schedules']);
    expect(suspends(pictureOf([part('agents', 'critical'), part('events', 'critical')]))).toBe(true);
    expect(PARTS.filter((name) => PART_LEVELS.slice(0, 2).some((level) => suspends(pictureOf([part(name, level)]))))).toEqual([]);
  });

  it('fails where a part does that others need, and leaves to their own incidents what has some', () => {
    expect(PARTS.filter((name) => isFailing(pictureOf([part(name, 'critical')])))).toEqual(['disk', 'database', 'servers', 'schedules', 'events', 'agents']);
    expect(isFailing(pictureOf([part('database', 'warning')]))).toBe(false);
  });

  it('says the cause first', () => {
    expect(inWords(pictureOf([part('agents', 'critical'), part('database', 'critical'), part('mirrors', 'warning')]))).toBe('database: database is critical; with it fails agents (agents is critical)');
    expect(inWords(pictureOf([part('mirrors', 'warning')]))).toBe('nothing fails');
  });
});
