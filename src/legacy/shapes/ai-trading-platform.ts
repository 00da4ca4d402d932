import { Exact } from '../convert/exact.js';
import { type Cell, type JsonCell, JsonNumber } from '../source/cell.js';
import { parseJson } from '../source/json-text.js';
import { IDEAS, STRATEGIES } from './ours-of.js';
import type { Files, OurRow, Shape, ShapeColumn, ShapeTable } from './shape.js';
import { column, constant, spelled, text, textIn } from './write.js';

/** Files of the old program. JSON has decimals of any length: none is rounded. */
const table = (name: string, files: Files, key: readonly string[], columns: readonly ShapeColumn[], more: Partial<ShapeTable> = {}): ShapeTable =>
  ({ name, part: '', columns, key, constraints: [], indexes: [], files, ours: null, events: [], newId: 'number', ...more });

const names = (all: string) => all.split(' ').map((name) => column(name, ''));
const oldName = ({ oldId }: OurRow): Cell => oldId;
const number = (of: string | ((ours: OurRow) => string | null)) => (ours: OurRow): Cell => {
  const value = typeof of === 'string' ? textIn(ours, of) : of(ours);
  return value === null ? null : new JsonNumber(new Exact(value).toFixed());
};
const symbol = (ours: OurRow) => textIn(ours, 'broker_symbol') ?? textIn(ours, 'symbol');
const word = (text: string, most: number) => text.replace(/[^\w.-]+/g, '_').slice(0, most);

type JsonObject = { [name: string]: JsonCell };
const isObject = (value: Cell | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber) && Object.getPrototypeOf(value) === Object.prototype;
const documentOf = (ours: OurRow, name: string): JsonObject => {
  const { value } = parseJson(textIn(ours, name) ?? '{}');
  return isObject(value) ? value : {};
};

/** What the old engine reads of a strategy, from what stands in our conditions where it was imported or written so. */
const entry = (name: string) => (ours: OurRow): JsonCell => documentOf(ours, 'entry_conditions')[name] ?? null;
const CONDITIONS = ['entry', 'exit', 'strong', 'weak'];
const symbolsOf = (ours: OurRow) => (ours.values.allowed_symbols ?? []) as string[];

/** Of the old rules those that ours hold too; the rest stays as it was. */
function rules(ours: OurRow): Cell {
  const before = isObject(ours.old?.strategy) ? ours.old.strategy : {};
  const [caps, forbidden] = [documentOf(ours, 'risk_caps'), documentOf(ours, 'forbidden_conditions')];
  const reward = textIn(ours, 'rr_expectation') ?? (typeof caps.minRewardToRisk === 'string' ? caps.minRewardToRisk : null);
  return {
    ...before, direction: entry('direction')(ours) ?? before.direction ?? 'both', min_rr: reward === null ? (before.min_rr ?? new JsonNumber('1')) : new JsonNumber(new Exact(reward).toFixed()),
    news_embargo_minutes: caps.newsEmbargoMinutes ?? new JsonNumber('0'), invalidations: forbidden.invalidations ?? before.invalidations ?? [],
    ...(typeof forbidden.maxRiskFraction === 'string' ? { max_risk_pct: new JsonNumber(forbidden.maxRiskFraction) } : {}),
  };
}

const strategies = table('strategies', { path: 'config/ai/strategies/{id}.json', form: 'json' }, ['id'], [
  column('id', '', oldName), column('name', '', text('name')), column('description', '', entry('description')),
  // The old engine reads other conditions than ours are: whoever goes back enables a strategy that is new to it by hand.
  column('enabled', '', ({ values, imported }) => imported && values.is_active === true && values.retired !== true),
  column('symbol', '', (ours) => symbolsOf(ours)[0] ?? null), column('timeframe', '', entry('timeframe')), column('sessions', '', ({ old }) => old?.sessions ?? []), column('indicators', '', (ours) => entry('indicators')(ours) ?? {}),
  column('conditions', '', (ours) => Object.fromEntries(CONDITIONS.map((name) => [name, entry(name)(ours) ?? []]))), column('strategy', '', rules),
  column('created_at', '', text('created_at')), column('updated_at', '', text('updated_at')), column('created_by', '', constant('tradewarden')),
], {
  ours: STRATEGIES, events: ['strategy.created', 'strategy.changed', 'strategy.retired'], newId: ({ name }) => word(String(name), 80).toUpperCase(),
  cannot: (ours) => (symbolsOf(ours).length !== 1 ? 'SYMBOLS_OTHER: a strategy there is of one symbol' : entry('timeframe')(ours) === null ? 'TIMEFRAME_UNKNOWN: a strategy there has a timeframe, in entryConditions.timeframe here' : null),
});

const STATUSES = { waiting: 'pending_approval', needs_approval: 'pending_approval', auto_executed: 'executed', approved: 'executed' };
const APPROVALS = { waiting: 'pending', needs_approval: 'pending', auto_executed: 'approved', approved: 'approved' };
const percent = (ours: OurRow) => { const value = textIn(ours, 'confidence'); return value === null ? null : new Exact(value).mul(100).toFixed(); };

/** What was sent off is executed there, never approved: an approved one the old program would still carry out. */
const ideas = table('trade_ideas', { path: 'data/trade_ideas/{id}.json', form: 'json' }, ['id'], [
  column('id', '', oldName), column('timestamp', '', text('created_at')), column('symbol', '', symbol), column('timeframe', ''), column('confidence', '', number(percent)), column('action', '', constant('open_or_scale')),
  column('direction', '', text('direction')), column('entry_price', '', number('entry_price')), column('stop_loss', '', number('stop_loss')), column('take_profit', '', number('target')), column('volume', '', number('lot_size')), column('rr_ratio', ''),
  column('status', '', spelled('status', STATUSES, 'rejected')), column('notes', '', text('rationale')), column('source', '', constant('tradewarden')), column('approval_status', '', spelled('status', APPROVALS, 'rejected')),
  column('approved_by', '', text('approved_by')), column('approved_at', '', (ours) => (textIn(ours, 'approved_by') === null ? null : textIn(ours, 'decided_at'))), column('rejection_reason', '', text('ended_reason')),
], {
  ours: IDEAS, events: ['idea.waiting', 'idea.needs_approval', 'idea.auto_executed', 'idea.approved', 'idea.rejected', 'idea.halted_by_risk', 'idea.expired'],
  newId: ({ symbol: of, created_at: at }) => `${word(String(of), 64)}_${String(at).slice(0, 10).replaceAll('-', '')}_${String(at).slice(11, 19).replaceAll(':', '')}`,
  cannot: ({ values }) => (values.outcome === null ? null : 'CONTRACT: a contract that pays by its outcome has no place there'),
});

const list = (name: string, path: string, at: string, columns: string, key = 'id') => table(name, { path, form: 'json-list', at }, [key], names(columns));
const csv = (name: string, path: string, key: string, columns: string) => table(name, { path, form: 'csv' }, [key], names(columns));

const ACCOUNT = 'id name login password_encrypted server is_active created_at updated_at';
const INTEGRATION = 'id name type api_key_encrypted base_url config status last_tested created_at updated_at';

export const AI_TRADING_PLATFORM: Shape = {
  system: 'ai-trading-platform', medium: 'folder',
  tables: [
    strategies, ideas,
    table('profiles', { path: 'config/ai/profiles/{symbol}.json', form: 'json' }, ['symbol'], names('symbol bestSessions bestTimeframes externalDrivers style management invalidations')),
    table('settings', { path: 'config/ai/settings.json', form: 'json' }, [], names('enabled mode evaluation_interval_seconds confidence_threshold min_rr_ratio max_concurrent_positions max_positions_per_symbol default_risk_pct news_embargo_minutes timezone')),
    csv('risk_limits', 'config/risk_limits.csv', 'key', 'key value notes'), csv('sessions', 'config/sessions.csv', 'canonical', 'canonical trade_start_utc trade_end_utc block_on_closed notes'),
    csv('symbol_map', 'config/symbol_map.csv', 'canonical', 'canonical broker_symbol enabled min_vol vol_step comment'),
    table('appearance', { path: 'config/appearance.json', form: 'json' }, [], names('density theme fontSize accentColor showAnimations')),
    list('rss_feeds', 'config/rss_feeds.json', 'feeds', 'id name url category enabled last_fetched created_at'), list('accounts', 'config/accounts.json', 'accounts', ACCOUNT), list('accounts_example', 'config/accounts.json.example', 'accounts', ACCOUNT),
    list('api_integrations', 'config/api_integrations.json', 'integrations', INTEGRATION), list('api_integrations_example', 'config/api_integrations.json.example', 'integrations', INTEGRATION),
  ],
  first: [],
  differs: {
    'order of names and rows': 'names inside nested JSON, and rows of a file whose rows have ids, stand in another order', 'file names': 'strategies, profiles and ideas are named by their id', 'active_account_id': 'what a file says beside its rows is not imported',
    '*.secrets': 'what was a credential is [secret removed]: log in again', 'trade_ideas.decisions': 'an imported idea comes back as it was; what was decided on it here is of ideas that are new',
  },
};
