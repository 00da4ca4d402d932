import { Foundation1763600000001 } from './migrations/1763600000001-foundation.js';
import { Agents1763600000002 } from './migrations/1763600000002-agents.js';
import { Commands1763600000003 } from './migrations/1763600000003-commands.js';
import { Records1763600000004 } from './migrations/1763600000004-records.js';
import { SignIn1763600000005 } from './migrations/1763600000005-sign-in.js';
import { Instances1763600000006 } from './migrations/1763600000006-instances.js';
import { Statistics1763600000007 } from './migrations/1763600000007-statistics.js';
import { KeyRateLimits1763600000008 } from './migrations/1763600000008-key-rate-limits.js';
import { Syncs1763600000009 } from './migrations/1763600000009-syncs.js';
import { CommandTypes1763600000010 } from './migrations/1763600000010-command-types.js';
import { AccountDays1763600000011 } from './migrations/1763600000011-account-days.js';
import { Instruments1763600000012 } from './migrations/1763600000012-instruments.js';
import { MarketData1763600000013 } from './migrations/1763600000013-market-data.js';
import { Incidents1763600000014 } from './migrations/1763600000014-incidents.js';
import { Fills1763600000015 } from './migrations/1763600000015-fills.js';
import { Positions1763600000016 } from './migrations/1763600000016-positions.js';
import { PredictionScores1763600000017 } from './migrations/1763600000017-prediction-scores.js';
import { Unexplained1763600000018 } from './migrations/1763600000018-unexplained.js';
import { FillMoves1763600000019 } from './migrations/1763600000019-fill-moves.js';
import { Strategies1763600000020 } from './migrations/1763600000020-strategies.js';
import { RiskConfig1763600000021 } from './migrations/1763600000021-risk-config.js';
import { FillBooks1763600000022 } from './migrations/1763600000022-fill-books.js';
import { Halts1763600000023 } from './migrations/1763600000023-halts.js';
import { Decisions1763600000024 } from './migrations/1763600000024-decisions.js';
import { TradeIdeas1763600000025 } from './migrations/1763600000025-trade-ideas.js';
import { Closures1763600000026 } from './migrations/1763600000026-closures.js';
import { CircuitBreakers1763600000027 } from './migrations/1763600000027-circuit-breakers.js';
import { TradeLife1763600000028 } from './migrations/1763600000028-trade-life.js';
import { Why1763600000029 } from './migrations/1763600000029-why.js';
import { Webhooks1763600000030 } from './migrations/1763600000030-webhooks.js';
import { AlertInbox1763600000031 } from './migrations/1763600000031-alert-inbox.js';
import { Reports1763600000032 } from './migrations/1763600000032-reports.js';
import { Notifications1763600000033 } from './migrations/1763600000033-notifications.js';
import { Search1763600000034 } from './migrations/1763600000034-search.js';
import { Imports1763600000035 } from './migrations/1763600000035-imports.js';
import { ImportRollback1763600000036 } from './migrations/1763600000036-import-rollback.js';
import { Mirrors1763600000037 } from './migrations/1763600000037-mirrors.js';
import { ExportIds1763600000038 } from './migrations/1763600000038-export-ids.js';
import { ImportStreams1763600000039 } from './migrations/1763600000039-import-streams.js';
import { Backups1763600000040 } from './migrations/1763600000040-backups.js';
import { Restores1763600000041 } from './migrations/1763600000041-restores.js';
import { Retention1763600000042 } from './migrations/1763600000042-retention.js';
import { SystemMonitor1763600000048 } from './migrations/1763600000048-system-monitor.js';
import { FreshMonths1763600000055 } from './migrations/1763600000055-fresh-months.js';
import { StopLevel1763600000056 } from './migrations/1763600000056-stop-level.js';
import { AgentVersions1763600000057 } from './migrations/1763600000057-agent-versions.js';
import { ReportedOutcomes1763600000058 } from './migrations/1763600000058-reported-outcomes.js';
import { MonthsByCatalog1763600000059 } from './migrations/1763600000059-months-by-catalog.js';
import { Staked1763600000060 } from './migrations/1763600000060-staked.js';

/** In order. A list instead of a file pattern: the build, the tests and the command line see the same ones. */
export const MIGRATIONS = [
  Foundation1763600000001, Agents1763600000002, Commands1763600000003, Records1763600000004, SignIn1763600000005, Instances1763600000006,
  Statistics1763600000007, KeyRateLimits1763600000008, Syncs1763600000009, CommandTypes1763600000010, AccountDays1763600000011,
  Instruments1763600000012, MarketData1763600000013, Incidents1763600000014,
  Fills1763600000015, Positions1763600000016, PredictionScores1763600000017,
  Unexplained1763600000018, FillMoves1763600000019, Strategies1763600000020, RiskConfig1763600000021,
  FillBooks1763600000022,
  Halts1763600000023,
  Decisions1763600000024,
  TradeIdeas1763600000025,
  Closures1763600000026,
  CircuitBreakers1763600000027,
  TradeLife1763600000028,
  Why1763600000029,
  Webhooks1763600000030,
  AlertInbox1763600000031,
  Reports1763600000032,
  Notifications1763600000033,
  Search1763600000034,
  Imports1763600000035,
  ImportRollback1763600000036,
  Mirrors1763600000037,
  ExportIds1763600000038,
  ImportStreams1763600000039,
  Backups1763600000040,
  Restores1763600000041,
  Retention1763600000042,
  SystemMonitor1763600000048,
  FreshMonths1763600000055,
  StopLevel1763600000056,
  AgentVersions1763600000057,
  ReportedOutcomes1763600000058,
  MonthsByCatalog1763600000059,
  Staked1763600000060,
];

/** Tables whose past nobody may change: the writer role gets SELECT and INSERT, triggers refuse everyone else. */
export const APPEND_ONLY_TABLES = [
  'events', 'auth_audit', 'trade_transitions', 'circuit_breaker_events', 'account_cash_flows', 'instrument_versions', 'snapshot_indicators',
  'snapshot_account', 'snapshot_revisions', 'snapshot_refs',
  'fills', 'fill_moves', 'trade_marks',
  'strategy_versions', 'risk_config_history', 'risk_limits_history',
  'decision_history', 'halt_accounts', 'circuit_breaker_versions',
  'alert_runs',
  'export_ids',
  'retention_months',
  'restores', 'restore_drills',
];

/** Tables that gain rows and change some, and lose none. */
export const NEVER_DELETED_TABLES = [
  'accounts', 'agents', 'instruments', 'snapshot_market', 'snapshot_calendar', 'snapshot_news', 'strategies', 'risk_config', 'risk_limits', 'decision_heads', 'halts',
  'closures', 'server_gaps', 'circuit_breakers', 'trade_ideas', 'reservations',
  'webhook_sources', 'alerts',
  'notification_settings', 'notification_channels',
  'import_runs', 'import_tables',
  'opening_suspensions',
  'backups',
];

/** Written by functions of the owner's alone. */
export const OWNER_WRITTEN_TABLES = ['retention_months', 'retention_thinnings'];

/** Tables that must have the present month: every change writes there. Those of snapshots get theirs with the first row. */
export const MONTHS_AHEAD_TABLES = ['events', 'auth_audit', 'decision_history'];
