import { Injectable } from '@nestjs/common';
import { conflict } from '../../common/problem.js';
import type { Tx } from '../../database/transaction.js';
import type { HaltRow } from '../../halts/halt-rows.js';
import { Retirement } from '../../kill-switch/retirement.service.js';
import { type AgentAtEnd, FinalityRepository } from './finality.repository.js';

/** What stands in the way of handing trading over, as `code` for machines and a sentence for people. */
export interface InTheWay {
  code: 'NOT_HALTED' | 'HALT_NOT_EFFECTIVE' | 'AGENT_NOT_STOPPED' | 'OPENING_NOT_SETTLED' | 'ENTRY_ORDER_SHOWN';
  text: string;
}

export interface Finality {
  ready: boolean;
  halt: { id: string; mode: string; reason: string; source: string; imposedAt: string } | null;
  inTheWay: InTheWay[];
  /** Taken as stopped though they have not said so: their trading lease is over. */
  takenAsStopped: { agent: string; account: string; why: string }[];
}

/** Whether nothing here trades any more, so that another system may. What is not known stands in the way. */
@Injectable()
export class FinalityService {
  constructor(
    private readonly repository: FinalityRepository,
    private readonly retirement: Retirement,
  ) {}

  /** Before the last copy, in either direction. Changes nothing. */
  async check(tx?: Tx): Promise<Finality> {
    const halt = await this.repository.halt(tx);
    if (!halt) return { ready: false, halt: null, inTheWay: [NOT_HALTED], takenAsStopped: [] };
    const agents = await this.repository.agents(halt.id, tx);
    const inTheWay: InTheWay[] = [
      ...(halt.effective_at === null ? [{ code: 'HALT_NOT_EFFECTIVE' as const, text: 'The halt is in force, and not carried through on every account yet: ask again in a moment.' }] : []),
      ...agents.flatMap((agent) => notStopped(agent) ?? []),
      ...(await this.repository.openings(tx)).map(({ id, agent, status, symbol }) => ({
        code: 'OPENING_NOT_SETTLED' as const, text: `An opening${symbol === null ? '' : ` of ${symbol}`} of ${agent} is ${status}: settle the command ${id}.`,
      })),
      ...(await this.repository.entryOrders(tx)).map(({ account, symbol, size, broker_order_id: order }) => ({
        code: 'ENTRY_ORDER_SHOWN' as const, text: `The broker of ${account} shows an entry order, ${symbol} ${size}${order === null ? '' : ` (${order})`}: cancel it, and let its agent report.`,
      })),
    ];
    return { ready: inTheWay.length === 0, halt: shown(halt), inTheWay, takenAsStopped: agents.flatMap((agent) => takenAsStopped(agent) ?? []) };
  }

  /** @throws {Problem} 409 NOT_FINAL, with everything that stands in the way */
  async mustBeFinal(tx?: Tx): Promise<Finality> {
    const finality = await this.check(tx);
    if (!finality.ready) throw conflict('NOT_FINAL', `Something here may still trade:\n${finality.inTheWay.map(({ text }) => `- ${text}`).join('\n')}`);
    return finality;
  }

  /**
   * Before the last import of an old system, which trades no more: what is here must not trade either while its last rows
   * come in, or the same money counts twice. Where no agent is, there is nothing to wait for.
   * @throws {Problem} 409 NOT_FINAL
   */
  async mustBeFinalToImport(): Promise<void> {
    if (await this.repository.anyAgent()) await this.mustBeFinal();
  }

  /**
   * From here on the other system trades, and this one does not until `unretire`. Looked at once more with every account and
   * agent held, so that no halt ends in between. Again, it changes nothing.
   * @throws {Problem} 409 NOT_FINAL
   */
  async retire(reason: string): Promise<Finality> {
    const said: Finality[] = [];
    await this.retirement.retire(reason, async (tx) => void said.push(await this.mustBeFinal(tx)));
    return said.at(-1) as Finality;
  }
}

const NOT_HALTED: InTheWay = { code: 'NOT_HALTED', text: 'Nothing halts everything: run "tradewarden retire", or halt everything (mode halt), and wait until the agents have seen it.' };

const shown = ({ id, mode, reason, source, imposed_at: imposedAt }: HaltRow) => ({ id, mode, reason, source, imposedAt });

/** In live a broker's list must say that no entry order is left; elsewhere an agent that tells no lists is taken at its word. */
function notStopped({ name, account, mode, observed, lease_over: leaseOver, listed }: AgentAtEnd): InTheWay | null {
  if (leaseOver) return null;
  if (!observed) return { code: 'AGENT_NOT_STOPPED', text: `${name} on ${account} has not observed the halt, and may open by its trading lease: wait, or stop it and wait a minute.` };
  if (listed === true || (listed === null && mode !== 'live')) return null;
  return { code: 'AGENT_NOT_STOPPED', text: `${name} on ${account} has told no complete list of positions since the halt: wait for it.` };
}

function takenAsStopped({ name, account, observed, lease_over: leaseOver, silent_seconds: silent }: AgentAtEnd): Finality['takenAsStopped'][number] | null {
  if (observed || !leaseOver) return null;
  return { agent: name, account, why: silent === null ? 'it was never heard of' : `its trading lease is over: last heard ${silent} s ago` };
}
