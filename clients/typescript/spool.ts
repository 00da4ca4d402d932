import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, replaceFile } from './durable-file.js';

/** A fact on its way to the server. `{name}` in the path and `{"$ref": name}` in the body stand for ids it will give. */
export interface Fact {
  /** Counts up by one; facts are sent in this order. */
  seq: number;
  /** Sent as Idempotency-Key, so that a fact whose answer was lost is not recorded twice. */
  key: string;
  path: string;
  body: Record<string, unknown>;
  /** The name under which later facts mean the id in this fact's answer. */
  ref?: string;
}

type Line =
  | { fact: Fact }
  | { sent: number; ref?: string; id?: string; orderTag?: string }
  | { rejected: number; ref?: string }
  | { id: string; ref: string; orderTag?: string };

export interface Rejection {
  fact: Fact;
  status: number;
  reason: string;
  at: string;
}

const COMPACT_AFTER_LINES = 2_000;

/**
 * Facts that the server has not confirmed yet, in an append-only file of JSON lines, each synced to the disk before it
 * counts. A line that a crash cut off is the last one and was never acted on: it is dropped. A broken line in the
 * middle is no crash's doing: then nothing is guessed, and the file is left for a person.
 */
export class Spool {
  private readonly path: string;
  private readonly rejectedPath: string;
  private file: number;
  private unsent: Fact[] = [];
  private lines = 0;
  /** Ids that the server gave, by the names that facts use for them; null where it refused the fact. */
  private readonly ids = new Map<string, string | null>();
  /** What the server wants in an order's comment, by the same names. */
  private readonly tags = new Map<string, string>();
  rejectedCount: number;

  /**
   * @param committedSeq the last fact that the state file knows. Later ones in the spool were written just before a
   * crash, and never sent; the work that made them is done again, so they are dropped.
   */
  constructor(folder: string, committedSeq: number) {
    this.path = join(folder, 'facts.jsonl');
    this.rejectedPath = join(folder, 'rejected.jsonl');
    this.rejectedCount = countRejected(this.rejectedPath);
    this.load(committedSeq);
    this.file = openSync(this.path, 'a', 0o600);
  }

  /** Adds facts; they are on the disk when this returns. */
  append(facts: readonly Fact[]): void {
    if (facts.length === 0) return;
    this.write(facts.map((fact) => ({ fact })));
    this.unsent.push(...facts);
  }

  get size(): number {
    return this.unsent.length;
  }

  /** The oldest unsent fact. */
  first(): Fact | undefined {
    return this.unsent[0];
  }

  /** The id behind a name: undefined while unknown, null when the server refused the fact that would have given it. */
  idOf(ref: string): string | null | undefined {
    return this.ids.get(ref);
  }

  orderTagOf(ref: string): string | undefined {
    return this.tags.get(ref);
  }

  /** The name that stands for an id the server gave. */
  refOf(id: string): string | undefined {
    for (const [ref, known] of this.ids) if (known === id) return ref;
    return undefined;
  }

  /** Takes the oldest fact out, after the server's 2xx. */
  markSent(fact: Fact, id?: string, orderTag?: string): void {
    this.write([{ sent: fact.seq, ...(fact.ref && id ? { ref: fact.ref, id, ...(orderTag ? { orderTag } : {}) } : {}) }]);
    if (fact.ref && id) this.learn(fact.ref, id, orderTag);
    this.remove(fact);
  }

  /** Puts the oldest fact aside into `rejected.jsonl`, with the reason, so that those behind it can go on. */
  markRejected(fact: Fact, rejection: Omit<Rejection, 'fact'>): void {
    appendSynced(this.rejectedPath, `${JSON.stringify({ ...rejection, fact } satisfies Rejection)}\n`);
    this.rejectedCount += 1;
    this.write([{ rejected: fact.seq, ...(fact.ref ? { ref: fact.ref } : {}) }]);
    if (fact.ref) this.ids.set(fact.ref, null);
    this.remove(fact);
  }

  /** Rewrites a file that has grown, with the unsent facts and those ids that something still needs. */
  compact(neededRefs: ReadonlySet<string>, force = false): void {
    if (!force && this.lines < COMPACT_AFTER_LINES) return;
    const pending = JSON.stringify(this.unsent);
    for (const ref of this.ids.keys()) {
      if (neededRefs.has(ref) || pending.includes(ref)) continue;
      this.ids.delete(ref);
      this.tags.delete(ref);
    }
    const lines: Line[] = [];
    for (const [ref, id] of this.ids) {
      const orderTag = this.tags.get(ref);
      lines.push(id === null ? { rejected: 0, ref } : { id, ref, ...(orderTag ? { orderTag } : {}) });
    }
    for (const fact of this.unsent) lines.push({ fact });
    closeSync(this.file);
    replaceFile(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    this.file = openSync(this.path, 'a', 0o600);
    this.lines = lines.length;
  }

  close(): void {
    closeSync(this.file);
  }

  private learn(ref: string, id: string, orderTag: string | undefined): void {
    this.ids.set(ref, id);
    if (orderTag) this.tags.set(ref, orderTag);
  }

  private remove(fact: Fact): void {
    if (this.unsent[0] !== fact) throw new Error('facts leave the spool in order');
    this.unsent.shift();
  }

  private write(lines: readonly Line[]): void {
    writeSync(this.file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    fsyncSync(this.file);
    this.lines += lines.length;
  }

  private load(committedSeq: number): void {
    const text = readIfThere(this.path) ?? '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateTo(this.path, Buffer.byteLength(whole));
    const facts = new Map<number, Fact>();
    let dropped = false;
    for (const [index, row] of whole.split('\n').slice(0, -1).entries()) {
      const line = readLine(row, `${this.path}, line ${index + 1}`);
      this.lines += 1;
      if ('fact' in line) {
        if (line.fact.seq <= committedSeq) facts.set(line.fact.seq, line.fact);
        else dropped = true;
        continue;
      }
      if ('sent' in line) facts.delete(line.sent);
      else if ('rejected' in line) facts.delete(line.rejected);
      if ('rejected' in line && line.ref) this.ids.set(line.ref, null);
      else if ('id' in line && line.id && line.ref) this.learn(line.ref, line.id, line.orderTag);
    }
    this.unsent = [...facts.values()].sort((a, b) => a.seq - b.seq);
    if (dropped) this.dropUncommitted();
  }

  /** Their numbers will be given again, so they must not stay in the file. */
  private dropUncommitted(): void {
    this.file = openSync(this.path, 'a', 0o600);
    this.compact(new Set(this.ids.keys()), true);
    closeSync(this.file);
  }
}

function readLine(row: string, where: string): Line {
  try {
    const line = JSON.parse(row) as unknown;
    if (typeof line === 'object' && line !== null && ['fact', 'sent', 'rejected', 'id'].some((key) => key in line)) {
      return line as Line;
    }
  } catch {
    // Said below, with the place.
  }
  throw new Error(`${where} is not readable; a crash breaks only the last line, so move the file away and look at it`);
}

function truncateTo(path: string, bytes: number): void {
  const file = openSync(path, 'r+');
  ftruncateSync(file, bytes);
  fsyncSync(file);
  closeSync(file);
}

function appendSynced(path: string, text: string): void {
  const file = openSync(path, 'a', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}

/** A crash between the two files can write one rejection twice: keys are counted, not lines. */
function countRejected(path: string): number {
  const keys = new Set<string>();
  for (const row of (readIfThere(path) ?? '').split('\n')) {
    try {
      keys.add((JSON.parse(row) as Rejection).fact.key);
    } catch {
      // An empty or cut-off last line.
    }
  }
  return keys.size;
}
