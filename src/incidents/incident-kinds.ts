export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const INCIDENT_SUBJECTS = ['agent', 'command', 'trade', 'position', 'account_day', 'circuit_breaker', 'webhook_source', 'notification_channel', 'mirror', 'backup', 'retention', 'database', 'system'] as const;
export type IncidentSubject = (typeof INCIDENT_SUBJECTS)[number];

interface IncidentKind {
  subject: IncidentSubject;
  /** What it is that a person must see, and when it is over. */
  means: string;
  /** It is over when it has not been seen for so long. Null: whoever opened it says so. */
  quietSeconds: number | null;
}

/** Everything that is told to people until they acknowledge it. */
export const INCIDENT_KINDS = {
  INSTANCE_CONFLICT: {
    subject: 'agent', quietSeconds: 600,
    means: 'A second copy of an agent runs and is refused, since both would trade. Over when it has not asked for ten minutes.',
  },
  COMMAND_UNKNOWN: {
    subject: 'command', quietSeconds: null,
    means: 'Nobody knows whether a command reached the broker. Over when it is settled.',
  },
  CLOSE_REJECTED: {
    subject: 'command', quietSeconds: null,
    means: 'The broker rejected something that reduces risk; it is tried again and again. Over when the command has ended.',
  },
  EXTERNAL_POSITION: {
    subject: 'trade', quietSeconds: null,
    means: 'The broker holds a position that nobody told of. Over when it is gone, or a trade claims it.',
  },
  EXTERNAL_ORDER: {
    subject: 'trade', quietSeconds: null,
    means: 'The broker works an entry order that nobody told of. Over when it is gone or filled, or a trade claims it.',
  },
  UNGATED_TRADE: {
    subject: 'trade', quietSeconds: null,
    means: 'A live trade passed no gate, or is not what the gate let through: its agent is halted and opens nothing more. Over when the trade has ended; the halt is for a person to release.',
  },
  TRADE_DOUBTFUL: {
    subject: 'agent', quietSeconds: 3_600,
    means: 'An agent told a trade that cannot be as it was told: an outcome of what is no binary contract or none of one that is, an unknown product, a short in CNC, a price above 1 of a binary contract. It is kept and counted as told. Over when none was told for an hour.',
  },
  OPENING_NOT_SHOWN: {
    subject: 'command', quietSeconds: 3_600,
    means: 'An agent said that an opening was done, told no trade, and its broker shows nothing under the tag: what was reserved for it is free again. Over after an hour.',
  },
  POSITION_MISSING: {
    subject: 'trade', quietSeconds: null,
    means: 'The broker no longer shows what a trade holds. Over when it is shown again, or the trade has ended.',
  },
  POSITION_MISMATCH: {
    subject: 'position', quietSeconds: null,
    means: 'The broker holds another size than our trades. Over when both are equal, or the position is gone.',
  },
  ACCOUNT_MISMATCH: {
    subject: 'agent', quietSeconds: null,
    means: 'An agent trades on another account than the one that it belongs to. It is halted. Over when a later report agrees; the halt is for a person to release.',
  },
  VERSION_CHANGED: {
    subject: 'agent', quietSeconds: 3_600,
    means: 'An agent runs another version or configuration, or its predictions come from another version of a model or another prompt, than before. With versionPolicy halt it opens nothing more until a person releases the halt. Over when none changed for an hour.',
  },
  NOT_IN_CONTROL: {
    subject: 'agent', quietSeconds: null,
    means: 'An agent that is halted is offline, and its broker still shows positions: nobody manages them. Over when they are gone, it is back, or the halt is released.',
  },
  UNEXPLAINED_BALANCE: {
    subject: 'account_day', quietSeconds: null,
    means: 'The balance of an account changed, and a minute later no fill, trade or cash flow says why. Over when one that was told explains it; or, once acknowledged, eight days after the end of the day.',
  },
  CLOSURE_NOT_UNDER_CONTROL: {
    subject: 'agent', quietSeconds: null,
    means: 'Trades of an agent are to be closed and nobody knows that they are being closed: it is offline or retired, or nobody saw what its last try did. Over when all of them are flat, or under way again.',
  },
  WIND_DOWN: {
    subject: 'agent', quietSeconds: null,
    means: 'An agent was silent for longer than its windDownAfterSeconds: its trades are to be closed. Over when none of them is open any more.',
  },
  MARKS_STALE: {
    subject: 'agent', quietSeconds: null,
    means: 'Trades are under rules on prices, and no mark of theirs is younger than 10 s: those rules cannot be judged. Over when marks come again, or the trades have ended.',
  },
  SPREAD_WIDE: {
    subject: 'trade', quietSeconds: 300,
    means: 'A rule would have closed a trade, but the spread was more than five times its median. Over when that was not seen for five minutes.',
  },
  STOP_MISSING: {
    subject: 'trade', quietSeconds: null,
    means: 'The broker shows no stop of a live trade 10 s after its fill. Over when it shows one, or the trade has ended.',
  },
  BREAKER_TRIPPED: {
    subject: 'circuit_breaker', quietSeconds: null,
    means: 'A circuit breaker has tripped and holds back openings. Over when it is reset, by its own rule or by a person.',
  },
  SIGNAL_POSITION_MISMATCH: {
    subject: 'webhook_source', quietSeconds: null,
    means: 'A source of alerts tells another direction of a symbol than its executor holds. Over when a later alert of it agrees.',
  },
  ALERT_QUARANTINED: {
    subject: 'webhook_source', quietSeconds: 3_600,
    means: 'Alerts of a source were accepted and could not be carried out: they wait to be mended and redriven. Over when none is left, or when no other one came for an hour; they stay in the list.',
  },
  SIGNAL_SILENCE: {
    subject: 'webhook_source', quietSeconds: null,
    means: 'A source has sent nothing for longer than it was expected to. Over with its next alert.',
  },
  NOTIFICATION_FAILING: {
    subject: 'notification_channel', quietSeconds: null,
    means: 'A way on which people are told has failed for two minutes and three times or more; the others tell of it. Over when a message went out on it, or it is switched off.',
  },
  MIRROR_BEHIND: {
    subject: 'mirror', quietSeconds: null,
    means: 'The files of an old system that a mirror keeps are older than five minutes. Over when they are whole again, or the mirror was forgotten.',
  },
  SYSTEM_FAILING: {
    subject: 'system', quietSeconds: null,
    means: 'Parts of the system fail that others need, one or several at once; what fails together is one, with its likely cause. Over when none has been critical for a minute.',
  },
  DISK_LOW: {
    subject: 'database', quietSeconds: 600,
    means: 'Less than DISK_FREE_MIN_PERCENT is free on a disk that DATA_DIR, the backups or the embedded database lie on; critical below half of it. Over when there is room again, or when the instance that saw it has said nothing for ten minutes.',
  },
  LONG_TRANSACTION: {
    subject: 'database', quietSeconds: null,
    means: 'A transaction in the database is older than LONG_TRANSACTION_MINUTES: nothing is cleared up behind it, and it may hold locks. Over when it has ended.',
  },
  REPLICA_BEHIND: {
    subject: 'database', quietSeconds: null,
    means: 'The replica of DATABASE_REPLICA_URL has been away, or too far behind, for a minute: reports are read from the primary. Over when it is new enough again.',
  },
  RETENTION_FAILED: {
    subject: 'retention', quietSeconds: null,
    means: 'Old records could not be removed or archived, or an archive of decisions is not as it was written. Over when a later run of retention ends well.',
  },
  BACKUP_FAILED: {
    subject: 'backup', quietSeconds: null,
    means: 'The last backup failed, or was not the same when it was restored. Over with the next one that is proven.',
  },
  BACKUP_OVERDUE: {
    subject: 'backup', quietSeconds: null,
    means: 'The last proven backup is older than BACKUP_MAX_AGE_HOURS, or there never was one: told in production, where BACKUP_CRON is set, and where one was ever made. Over with the next one that is proven.',
  },
  OFFSITE_COPY_OVERDUE: {
    subject: 'backup', quietSeconds: null,
    means: 'BACKUP_UPLOAD_COMMAND failed on the last backup, or the last copy on another machine is older than BACKUP_MAX_AGE_HOURS. Over with the next copy.',
  },
  RESTORE_DRILL_FAILED: {
    subject: 'backup', quietSeconds: null,
    means: 'A drill could not restore the newest proven backup, or what it restored did not come up halted. Over with the next drill that goes well.',
  },
} as const satisfies Record<string, IncidentKind>;

export type IncidentKindName = keyof typeof INCIDENT_KINDS;
export const INCIDENT_KIND_NAMES = Object.keys(INCIDENT_KINDS) as [IncidentKindName, ...IncidentKindName[]];
