import type { Profile, Recognised, System } from './profile.js';
import { respelled } from './respelled.js';
import type { Source, SourceTable } from './source/cell.js';
import type { OpenedSource } from './source/open-source.js';
import { SourceError } from './source/source-error.js';

export interface Chosen {
  profile: Profile;
  shape: string;
  /** With the files of a folder grouped as this profile has them. */
  source: Source;
}

const NAMED_MOST = 20;

/**
 * Whose data it is: of the profile that knows the most of its tables. Where another would import one that this does not know
 * (a folder with two systems in it), it is asked for: that one's trades would be archived, and count for nothing.
 * @param wanted of `--profile`; then only that one is asked
 * @throws {SourceError} SOURCE_UNKNOWN, SOURCE_AMBIGUOUS
 */
export function recognise(opened: OpenedSource, profiles: readonly Profile[], wanted: System | null = null): Chosen {
  const asked = profiles.filter(({ system }) => wanted === null || system === wanted);
  const found = asked.flatMap((profile): Found[] => {
    const source = respelled(opened.as(profile.files), profile);
    const recognised = profile.recognise(source);
    return recognised === null || recognised.tables === 0 ? [] : [{ profile, source, recognised }];
  });
  const most = Math.max(0, ...found.map(({ recognised }) => recognised.tables));
  const [first, second] = found.filter(({ recognised }) => recognised.tables === most);
  if (first === undefined) throw new SourceError('SOURCE_UNKNOWN', unknown(opened.as([]), asked, wanted));
  if (second !== undefined) throw new SourceError('SOURCE_AMBIGUOUS', `It could be ${found.filter(({ recognised }) => recognised.tables === most).map(said).join(' or ')}. Say which it is with --profile.`);
  for (const other of found) {
    const left = other === first ? undefined : leftBy(first, other);
    if (left !== undefined) throw new SourceError('SOURCE_AMBIGUOUS', `It is ${said(first)}, and ${left} is of ${said(other)}. Import each system by itself: name its folder or file. With --profile ${first.profile.system} what is not of that system is only archived.`);
  }
  return { profile: first.profile, shape: first.recognised.shape, source: first.source };
}

/**
 * A table with rows that the one does not know and the other would import, in a file or folder of which the one knows
 * nothing: beside its own tables it is an addition to that system, whatever its name.
 */
function leftBy(one: Found, other: Found): string | undefined {
  const theirs = new Map(other.source.tables.map((table) => [table.name, table]));
  const isKnown = (table: SourceTable) => one.profile.mapping(table, one.recognised.shape, one.source) !== null;
  const own = new Set(one.source.tables.filter(isKnown).map(placeOf));
  return one.source.tables.find((table) => {
    const same = own.has(placeOf(table)) ? undefined : theirs.get(table.name);
    return same !== undefined && other.profile.mapping(same, other.recognised.shape, other.source)?.as === 'import' && same.count() > 0;
  })?.name;
}

const placeOf = ({ name }: SourceTable): string => name.slice(0, name.lastIndexOf('/') + 1);

interface Found {
  profile: Profile;
  source: Source;
  recognised: Recognised;
}

const said = ({ profile, recognised }: Found): string => `${profile.system} (${recognised.shape}, ${recognised.tables} tables)`;

function unknown(source: Source, asked: readonly Profile[], wanted: System | null): string {
  const names = source.tables.map(({ name }) => name);
  const seen = names.length === 0 ? 'It holds no tables' : `Its tables are ${names.slice(0, NAMED_MOST).join(', ')}${names.length > NAMED_MOST ? ` and ${names.length - NAMED_MOST} more` : ''}`;
  return wanted === null
    ? `No system is recognised by the tables and their columns. ${seen}. Known are ${asked.map(({ system }) => system).join(', ')}; --profile asks for one.`
    : `It is not data of ${wanted}: none of its tables is recognised. ${seen}.`;
}
