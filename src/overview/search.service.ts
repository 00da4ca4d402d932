import { Injectable } from '@nestjs/common';
import { type FoundRow, SearchRepository } from './search.repository.js';
import { type Found, type FoundKind, SEARCH_MOST, UUID_START_LEAST } from './search.schemas.js';

const UUID_DIGITS = 32;

/** Where a page about it is. What has no page of its own has its chain. */
const PATHS: Record<FoundKind, (id: string) => string> = {
  agent: (id) => `agents/${id}`, account: (id) => `settings/accounts/${id}`, strategy: (id) => `risk/strategies/${id}`, source: (id) => `alerts/sources/${id}`, trade: (id) => `trades/${id}`,
  command: (id) => `why/${id}`, idea: (id) => `ideas/${id}`, prediction: (id) => `why/${id}`, decision: (id) => `history/decisions/${id}`, alert: (id) => `alerts/${id}`, halt: (id) => `overview?halt=${id}`,
  incident: (id) => `overview?incident=${id}`, symbol: (id) => `trades?symbol=${encodeURIComponent(id)}`,
};

@Injectable()
export class SearchService {
  constructor(private readonly repository: SearchRepository) {}

  /** What somebody may mean by a text, what it is exactly first. */
  async find(text: string): Promise<Found[]> {
    const range = uuidRange(text);
    const rows = [...(range ? await this.repository.byId(...range) : []), ...(await this.repository.byText(text))];
    const distinct = new Map<string, FoundRow>();
    for (const row of rows) {
      const key = `${row.kind} ${row.id}`;
      if (!distinct.has(key) || row.exact) distinct.set(key, row);
    }
    return [...distinct.values()].sort((one, other) => Number(other.exact) - Number(one.exact)).slice(0, SEARCH_MOST)
      .map(({ kind, id, title, detail, exact }) => ({ kind, id, title, detail, path: PATHS[kind](id), exact }));
  }
}

/** The UUIDs that begin so, dashes or not; null: too few of its characters, or other ones. */
function uuidRange(text: string): [from: string, to: string] | null {
  const digits = text.toLowerCase().replaceAll('-', '');
  if (!/^[0-9a-f-]+$/i.test(text) || digits.length < UUID_START_LEAST || digits.length > UUID_DIGITS) return null;
  const dashed = (all: string) => all.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return [dashed(digits.padEnd(UUID_DIGITS, '0')), dashed(digits.padEnd(UUID_DIGITS, 'f'))];
}
