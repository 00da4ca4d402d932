const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Days of the viewer's zone as the moments that the API asks for: `from` with all of the first day, `to` with all of the last. */
export function dayWindow(from: string, to: string): { from?: string; to?: string } {
  const start = (day: string, after = 0) => {
    const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
    return new Date(year, month - 1, date + after).toISOString();
  };
  return { ...(DAY.test(from) ? { from: start(from) } : {}), ...(DAY.test(to) ? { to: start(to, 1) } : {}) };
}
