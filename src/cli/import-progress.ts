import type { ImportWatch } from '../legacy/load/import-work.js';

const DRAWN_EVERY_MS = 200;
const SAID_EVERY_MS = 5_000;
const BAR = 24;

interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** How far it is, on stderr: on a terminal a bar that is written over, else a line every five seconds. */
export function watchFor(screen: Screen, clock: () => number = () => performance.now()): ImportWatch & { ends(): void } {
  const every = screen.isTTY ? DRAWN_EVERY_MS : SAID_EVERY_MS;
  const totals = new Map<string, number>();
  const done = new Map<string, number>();
  let all = 0;
  let began = clock();
  let last = clock();
  let drawn = false;

  const draw = (table: string) => {
    const rows = [...done.values()].reduce((sum, each) => sum + each, 0);
    const seconds = (clock() - began) / 1_000;
    const rate = seconds > 0 ? rows / seconds : 0;
    const left = rate > 0 ? Math.max(0, Math.ceil((all - rows) / rate)) : null;
    const said = `${table}: ${count(rows)} of ${count(all)} rows, ${count(Math.round(rate))} rows/s${left === null ? '' : `, ${duration(left)} left`}`;
    if (!screen.isTTY) {
      screen.write(`${said}\n`);
      return;
    }
    const full = all === 0 ? BAR : Math.min(BAR, Math.floor((rows / all) * BAR));
    screen.write(`\r\u001b[2K${`[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${said}`.slice(0, (screen.columns ?? 120) - 1)}`);
    drawn = true;
  };

  return {
    begins(tables, reads) {
      began = clock();
      for (const { name, rows } of tables) totals.set(name, rows);
      all = reads * [...totals.values()].reduce((sum, rows) => sum + rows, 0);
    },
    rows(table, rows) {
      done.set(table, rows);
      if (clock() - last < every) return;
      last = clock();
      draw(table);
    },
    says(line) {
      if (screen.isTTY) screen.write(`${drawn ? '\r\u001b[2K' : ''}${line}\n`);
    },
    ends() {
      if (drawn) screen.write('\r\u001b[2K');
    },
  };
}

const count = (number: number): string => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
