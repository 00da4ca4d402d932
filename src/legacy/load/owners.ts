import type { Owners } from '../profile.js';
import type { SourceTable } from '../source/cell.js';
import type { ImportRun } from './import-run.js';
import { importedId } from './imported-id.js';
import type { StrategyNames } from './strategy-names.js';
import type { TableNames } from './table-names.js';

export type Mode = 'simulation' | 'paper' | 'live';
export type MoneyKind = 'paper' | 'live';

export interface Owner {
  agentId: string;
  accountId: string;
}

/** No table of a source has this name: a NUL cannot be in one. */
const OURS = '\0tradewarden';

export const kindOf = (mode: Mode): MoneyKind => (mode === 'live' ? 'live' : 'paper');

/**
 * Whose rows are whose that name no agent. The ids come of the source's name and of the account that was named, so a
 * second run of a source goes on with the agents of the first.
 */
export class RunOwners {
  /** Modes for which a row has asked: those agents must be there before it is stored. */
  readonly asked = new Map<Mode, Owner>();
  /** The webhook source that old alerts belong to, once a row has asked. */
  alertSource: string | null = null;

  constructor(
    private readonly run: Pick<ImportRun, 'source' | 'at' | 'accounts'>,
    private readonly names: TableNames,
    private readonly strategies: StrategyNames,
  ) {}

  /** For the rows of one table. */
  of(table: SourceTable): Owners {
    const known = new Map<string, string>();
    const whole = (asked: string): string => {
      let name = known.get(asked);
      if (name === undefined) known.set(asked, (name = this.names.find(asked, table)));
      return name;
    };
    return {
      at: this.run.at,
      agent: (mode) => this.agent(mode),
      alertSource: () => (this.alertSource ??= importedId(this.run.source, `${OURS}/alert source`, '')),
      id: (asked, oldId) => importedId(this.run.source, whole(asked), oldId),
      freeName: (asked, oldId, name) => this.strategies.free(whole(asked), oldId, name),
    };
  }

  private agent(mode: Mode): Owner {
    const known = this.asked.get(mode);
    if (known) return known;
    const { source, accounts } = this.run;
    const kind = kindOf(mode);
    const accountId = accounts[kind] ?? importedId(source, `${OURS}/account`, kind);
    const owner = { agentId: importedId(source, `${OURS}/agent`, `${mode}/${accounts[kind] ?? ''}`), accountId };
    this.asked.set(mode, owner);
    return owner;
  }
}
