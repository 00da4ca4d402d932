import type { IncidentKindName, Severity } from '../../incidents/incident-kinds.js';

/** One incident, as it is to be told on one channel. */
export interface Telling {
  incident_id: string;
  seq: number;
  kind: IncidentKindName;
  severity: Severity;
  summary: string;
  subject_type: string;
  subject_id: string;
  opened_at: string;
  resolved_at: string | null;
  resolution: string | null;
  occurrences: number;
  repeats: number;
  mode: 'simulation' | 'paper' | 'live' | null;
  agent: string | null;
  account: string | null;
  /** It is told that it is over. */
  is_over: boolean;
  /** It was told on this channel before. */
  told: boolean;
}
