import type { IncidentKindName } from '../incidents/incident-kinds.js';

export const PARTS = ['disk', 'database', 'servers', 'schedules', 'events', 'agents', 'notifications', 'alerts', 'backups', 'retention', 'replica', 'mirrors'] as const;
export type PartName = (typeof PARTS)[number];

interface Part {
  /** What it cannot do without: where that fails too, that is the likelier cause. */
  leansOn: readonly PartName[];
  /** Whether it takes others with it: two of these that fail together are a cascade. */
  spreads: boolean;
  /** Whether openings are held while it alone is critical: nobody would see to what they open. */
  suspends: boolean;
  /** Open incidents that speak for it. What else is wrong with it is looked at here. */
  incidents: readonly IncidentKindName[];
}

/** What the system is made of, as one picture. */
export const PART_RULES: Record<PartName, Part> = {
  disk: { leansOn: [], spreads: true, suspends: true, incidents: [] },
  database: { leansOn: ['disk'], spreads: true, suspends: false, incidents: ['LONG_TRANSACTION'] },
  servers: { leansOn: ['database', 'disk'], spreads: true, suspends: false, incidents: [] },
  // Of quick ones only: they watch open trades and carry closures through.
  schedules: { leansOn: ['database', 'servers'], spreads: true, suspends: true, incidents: [] },
  events: { leansOn: ['database', 'servers'], spreads: true, suspends: false, incidents: [] },
  agents: { leansOn: ['database', 'servers'], spreads: true, suspends: false, incidents: [] },
  notifications: { leansOn: ['database', 'servers'], spreads: false, suspends: false, incidents: ['NOTIFICATION_FAILING'] },
  alerts: { leansOn: ['database', 'servers'], spreads: false, suspends: false, incidents: ['ALERT_QUARANTINED', 'SIGNAL_SILENCE'] },
  backups: { leansOn: ['database', 'disk'], spreads: false, suspends: false, incidents: ['BACKUP_FAILED', 'BACKUP_OVERDUE', 'OFFSITE_COPY_OVERDUE', 'RESTORE_DRILL_FAILED'] },
  retention: { leansOn: ['database', 'disk'], spreads: false, suspends: false, incidents: ['RETENTION_FAILED'] },
  replica: { leansOn: ['database'], spreads: false, suspends: false, incidents: ['REPLICA_BEHIND'] },
  mirrors: { leansOn: ['database', 'disk'], spreads: false, suspends: false, incidents: ['MIRROR_BEHIND'] },
};

export const PART_LEVELS = ['none', 'warning', 'critical'] as const;
export type PartLevel = (typeof PART_LEVELS)[number];
export const LEVELS = [...PART_LEVELS, 'cascading'] as const;
export type Level = (typeof LEVELS)[number];

/** A part as one look saw it. */
export interface SeenPart {
  name: PartName;
  level: PartLevel;
  /** In words; empty where nothing is wrong. */
  why: string;
}
