/** How it stands with the channels that are switched on, for operators; of the whole database. */
export interface NotificationFigures {
  channel: string;
  /** Incidents of which people are still to be told. */
  waiting: number;
  /** Since its last message failed to reach everybody; 0: it did not. */
  failingSeconds: number;
}

const FIGURES = `
  select c.channel, (select count(distinct d.incident_id)::int from notification_deliveries d where d.channel = c.channel and d.status = 'waiting') as waiting,
    coalesce(extract(epoch from app_clock() - c.failing_since), 0)::float8 as failing_seconds
  from notification_channels c where c.enabled_since is not null order by c.channel`;

/** @param query as node-postgres answers several statements at once */
export async function notificationFigures(query: (text: string) => Promise<unknown>): Promise<NotificationFigures[]> {
  const results = (await query(`begin read only; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as
    { command: string; rows: { channel: string; waiting: number; failing_seconds: number }[] }[];
  const rows = results.find(({ command }) => command === 'SELECT')?.rows;
  if (!rows) throw new Error('the notifications were not counted');
  return rows.map(({ channel, waiting, failing_seconds: seconds }) => ({ channel, waiting, failingSeconds: Math.max(0, seconds) }));
}
