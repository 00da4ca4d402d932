import { decimal } from '../../convert/decimals.js';
import { json, kept, symbol } from '../../convert/columns.js';
import { type Archived, Json, type Mapped, type Reading, Reject, type TableMapping } from '../../profile.js';
import type { Cell, JsonCell, SourceTable } from '../../source/cell.js';
import { has, keptAll, together } from '../columns.js';
import type { Mode } from '../imported-trade.js';
import { confidenceOf, instantOf, isTest, modeOf, textOf } from './said.js';

/** What the old ensemble of models proposed. It goes to the run's own stream; what it was based on stays in the old row. */

export const isCache = ({ columns }: SourceTable): boolean => has(columns, 'asset_pair decision_json');
export const isDecisionFiles = ({ columns }: SourceTable): boolean => has(columns, 'asset_pair action confidence timestamp') && !columns.includes('decision_json');

const SYMBOL = symbol(null);
const NUMBER = decimal(null);
const JSON_TEXT = json(null);

interface Proposal {
  id: string | null;
  assetPair: Cell;
  action: Cell;
  confidence: Cell;
  reasoning: Cell;
  provider: Cell;
  entryPrice?: Cell;
  size?: Cell;
  executed?: Cell;
  /** When the market was as the models saw it, where that is another time than when they were asked. */
  sourceTime?: string | null;
}

function proposed(proposal: Proposal, at: string, agentId: string, id: string, row: Reading): Mapped {
  const pair = textOf(proposal.assetPair);
  const market = SYMBOL.read(pair, 'asset_pair', row);
  if (market === null) throw new Reject('VALUE_MISSING', 'asset_pair is not there', 'asset_pair');
  const action = textOf(proposal.action)?.toUpperCase();
  if (action === undefined) throw new Reject('VALUE_MISSING', 'the decision has no action', 'action');
  const provider = textOf(proposal.provider);
  const facts = {
    imported: true, decisionId: proposal.id, symbol: market, assetPair: pair, action, confidence: confidenceOf(row, 'confidence', proposal.confidence),
    entryPrice: NUMBER.read(proposal.entryPrice ?? null, 'entry_price', row), size: NUMBER.read(proposal.size ?? null, 'recommended_position_size', row), provider,
    executed: typeof proposal.executed === 'boolean' ? proposal.executed : null, sourceTime: proposal.sourceTime ?? null,
  };
  if (provider !== null && isTest(provider)) row.note('TEST_PROVIDER', `the provider is ${provider.slice(0, 100)}`);
  const reason = textOf(proposal.reasoning);
  return {
    rows: [{ table: 'decision_history', values: {
      id, type: 'ai_proposed', at, agent_id: agentId, reason: `${action} ${pair ?? market}${reason === null ? '' : `: ${reason}`}`, risk_check_result: new Json(facts), human_override: null,
    } }],
  };
}

/** `data/decisions/*.json`. */
export function decisionFilesMapping(table: SourceTable, mode: Mode | null): TableMapping {
  return {
    as: 'import', time: 'timestamp',
    columns: {
      id: together('risk_check_result', 'names the decision'), decision_id: together('risk_check_result', 'names the decision where id is missing'), asset_pair: together('risk_check_result', 'symbol to canonical symbol, the old spelling beside'),
      action: together('risk_check_result', 'as it is, in capitals; and begins the reason'), confidence: together('risk_check_result', 'percent to fraction; what is a fraction already is noted'),
      timestamp: together('at', 'with an offset, else UTC, noted'), entry_price: together('risk_check_result', 'number'), recommended_position_size: together('risk_check_result', 'number'),
      ai_provider: together('risk_check_result', 'as it is; one that begins with test is noted'), reasoning: together('reason', 'text'), executed: together('risk_check_result', 'boolean'),
      ...keptAll('ensemble_metadata execution_result execution_time _schema_version amount signal_only market_data position_type stop_loss_percentage take_profit_percentage', 'kept whole'),
      ...Object.fromEntries(table.columns.filter((name) => name.startsWith('policy_')).map((name) => [name, kept('kept whole')])),
    },
    map(_values, owners, row): Mapped | Archived {
      const { cells } = row;
      if ((cells.action ?? null) === null && (cells.asset_pair ?? null) === null) return { archive: 'NOT_A_DECISION: the file has neither asset_pair nor action' };
      const id = textOf(cells.decision_id) ?? textOf(cells.id);
      const { agentId } = owners.agent(modeOf(row, mode, textOf(cells.id), id, textOf(cells.ai_provider)));
      const proposal = {
        id, assetPair: cells.asset_pair ?? null, action: cells.action ?? null, confidence: cells.confidence ?? null, reasoning: cells.reasoning ?? null, provider: cells.ai_provider ?? null,
        entryPrice: cells.entry_price ?? null, size: cells.recommended_position_size ?? null, executed: cells.executed ?? null,
      };
      return proposed(proposal, instantOf(row, 'timestamp'), agentId, owners.id(table.name, row.id), row);
    },
  };
}

/** Backtests asked the models once for each candle and kept the answer: made when it was cached, about the candle's time. */
export function cacheMapping(table: SourceTable): TableMapping {
  return {
    as: 'import', time: 'created_at',
    columns: {
      id: kept('names the row'), cache_key: kept('names the row'), asset_pair: together('risk_check_result', 'symbol to canonical symbol, the old spelling beside'),
      timestamp: together('risk_check_result', "the candle's time: sourceTime"), market_hash: kept('of the data that the models saw'), decision_hash: kept('of the decision'), timeframe: kept('of the candle'),
      decision_json: together('risk_check_result', 'JSON text: action, confidence, provider, reasoning; the whole is kept'), confidence: together('risk_check_result', '0–100 to fraction, where the JSON has none'),
      market_regime: kept('of the candle'), created_at: together('at', 'naive UTC to time'), expires_at: kept('an end of the cache'),
    },
    map(_values, owners, row) {
      const { cells } = row;
      const read = JSON_TEXT.read(cells.decision_json ?? null, 'decision_json', row)?.value;
      if (read === null || typeof read !== 'object' || Array.isArray(read)) throw new Reject('JSON_INVALID', 'decision_json is no object', 'decision_json');
      const decision = read as Record<string, JsonCell>;
      const sourceTime = instantOf(row, 'timestamp');
      const at = (cells.created_at ?? null) === null ? sourceTime : instantOf(row, 'created_at', true);
      const proposal = {
        id: textOf(cells.cache_key) ?? textOf(cells.decision_hash), assetPair: cells.asset_pair ?? null, action: decision.action ?? null, confidence: decision.confidence ?? cells.confidence ?? null,
        reasoning: decision.reasoning ?? null, provider: decision.ai_provider ?? null, sourceTime,
      };
      return proposed(proposal, at, owners.agent('simulation').agentId, owners.id(table.name, row.id), row);
    },
  };
}
