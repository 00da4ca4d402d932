import { Inject, Injectable } from '@nestjs/common';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { faultOf } from './archive/archive-files.js';
import { ArchivesRepository } from './archive/archives.repository.js';
import { ALL_STREAMS } from './decision.js';
import { DecisionsRepository } from './decisions.repository.js';
import { DecisionsService } from './decisions.service.js';
import { headSeal } from './seal.js';
import { type Finding, type Place, PROBLEMS, START, StreamCheck } from './stream-check.js';

const PAGE_ROWS = 200;
/** So many findings are kept; all are counted. */
const FINDINGS_MOST = 100;

/** Where a partial check ended. */
export interface VerifyPlace {
  stream: string;
  place: Place;
}

export interface StreamVerdict {
  stream: string;
  /** Rows looked through by this call. */
  checked: number;
  ok: boolean;
  firstBad: Finding | null;
}

export interface Verdict {
  /** Nothing wrong was found as far as it was looked through, and nothing was left unchecked. */
  ok: boolean;
  complete: boolean;
  checked: number;
  /** Of these, the rows whose key is not known. */
  unchecked: number;
  found: number;
  findings: Finding[];
  streams: StreamVerdict[];
  next: VerifyPlace | null;
}

export interface VerifyAsk {
  /** Absent: all of them. */
  stream?: string | undefined;
  from?: VerifyPlace | undefined;
  /** Rows to look through at most, and until when (`performance.now()`). */
  rowsMost?: number;
  until?: number;
  /** Heads that were logged: by stream, number and hash. */
  logged?: ReadonlyMap<string, ReadonlyMap<number, string>>;
  progress?: (checked: number) => void;
}

/** Looks through the history a page at a time: beside it is written, and of five million rows no more is in memory. */
@Injectable()
export class DecisionVerifier {
  constructor(
    private readonly decisions: DecisionsRepository,
    private readonly service: DecisionsService,
    private readonly archives: ArchivesRepository,
    @Inject(ENV) private readonly env: Pick<Env, 'ARCHIVE_DIR'>,
  ) {}

  async verify(ask: VerifyAsk = {}): Promise<Verdict> {
    const verdict: Verdict = { ok: true, complete: true, checked: 0, unchecked: 0, found: 0, findings: [], streams: [], next: null };
    if (ask.stream === undefined && !ask.from) this.add(verdict, null, [...(await this.directory()), ...(await this.files(ask))]);
    let stream = ask.from?.stream ?? ask.stream ?? (await this.decisions.streamAfter(''));
    let place = ask.from?.place ?? START;
    while (stream !== null) {
      const at = await this.verifyStream(verdict, ask, stream, place);
      if (at) return { ...verdict, complete: false, next: { stream, place: at } };
      if (ask.stream !== undefined) break;
      stream = await this.decisions.streamAfter(stream);
      place = START;
    }
    if (ask.stream === undefined) this.add(verdict, null, await this.vanished(ask));
    return verdict;
  }

  /** Returns the place at which it stopped, or null at the end of the stream. */
  private async verifyStream(verdict: Verdict, ask: VerifyAsk, stream: string, from: Place): Promise<Place | null> {
    const check = new StreamCheck(this.service.keys, stream, from);
    const logged = ask.logged?.get(stream);
    const mine: StreamVerdict = { stream, checked: 0, ok: true, firstBad: null };
    verdict.streams.push(mine);
    for (let more = true; more; ) {
      if (isOver(ask, verdict.checked)) return check.place;
      const { rows, head } = await this.decisions.page(stream, check.place.seq, PAGE_ROWS);
      check.unchecked = 0;
      for (const row of rows) {
        this.add(verdict, mine, check.row(row));
        const known = logged?.get(row.number);
        if (known !== undefined && known !== row.hash) this.add(verdict, mine, [notAsLogged(stream, row.number)]);
      }
      mine.checked += rows.length;
      verdict.checked += rows.length;
      verdict.unchecked += check.unchecked;
      ask.progress?.(verdict.checked);
      more = rows.length === PAGE_ROWS;
      if (more) continue;
      this.add(verdict, mine, check.end(head));
      const beyond = [...(logged?.keys() ?? [])].filter((number) => number > check.place.number).sort((a, b) => a - b)[0];
      if (beyond !== undefined) this.add(verdict, mine, [notAsLogged(stream, beyond)]);
    }
    return null;
  }

  private add(verdict: Verdict, stream: StreamVerdict | null, found: Finding[]): void {
    if (found.length === 0) return;
    verdict.ok = false;
    verdict.found += found.length;
    verdict.findings.push(...found.slice(0, FINDINGS_MOST - verdict.findings.length));
    if (!stream) return;
    stream.ok = false;
    stream.firstBad ??= found[0] ?? null;
  }

  /** The count of streams: without it a stream could vanish with its head. */
  private async directory(): Promise<Finding[]> {
    const { head, streams } = await this.decisions.directory();
    if (head === null) return streams === 0 ? [] : [aboutStreams('STREAMS', `0 of ${streams} are counted`)];
    const seal = headSeal(this.service.keys, head);
    if (seal === 'broken') return [aboutStreams('HEAD_SEAL', `of the count of streams`)];
    if (head.count !== streams) return [aboutStreams('STREAMS', `there are ${streams} of ${head.count}`)];
    return seal === 'intact' ? [] : [aboutStreams('KEY_UNKNOWN', `the count of streams, key ${head.key_id}`)];
  }

  /** The files of archives: each by its length, and where there is time for all, by its sum. */
  private async files({ rowsMost, until }: VerifyAsk): Promise<Finding[]> {
    const found: Finding[] = [];
    for (const archive of await this.archives.relied()) {
      const fault = await faultOf(this.env.ARCHIVE_DIR, archive, rowsMost === undefined && until === undefined);
      if (fault !== null) found.push(aboutStreams('ARCHIVE', `${archive.file}: ${fault}`));
    }
    return found;
  }

  /** Streams that were logged and have neither rows nor head. */
  private async vanished({ logged, from }: VerifyAsk): Promise<Finding[]> {
    const found: Finding[] = [];
    if (from) return found;
    for (const [stream, heads] of logged ?? []) {
      const { rows, head } = await this.decisions.page(stream, 0, 1);
      if (rows.length === 0 && head === null) found.push(notAsLogged(stream, Math.min(...heads.keys())));
    }
    return found;
  }
}

const isOver = ({ rowsMost = Infinity, until = Infinity }: VerifyAsk, checked: number): boolean => checked > 0 && (checked >= rowsMost || performance.now() >= until);

const notAsLogged = (stream: string, number: number): Finding => ({ stream, number, id: null, at: null, problem: 'NOT_AS_LOGGED', detail: PROBLEMS.NOT_AS_LOGGED });

const aboutStreams = (problem: Finding['problem'], more: string): Finding => ({ stream: ALL_STREAMS, number: null, id: null, at: null, problem, detail: `${PROBLEMS[problem]} (${more})` });
