import { Link, useLocation } from 'wouter';
import css from './rail.module.css';

/** At most nine names; everything else is a tab or a drawer of one of these. */
const RAIL = [
  { to: '/overview', name: 'Overview' }, { to: '/agents', name: 'Agents' }, { to: '/trades', name: 'Trades' }, { to: '/ideas', name: 'Ideas' },
  { to: '/alerts', name: 'Alerts' }, { to: '/risk', name: 'Risk' }, { to: '/history', name: 'History' }, { to: '/system', name: 'System' }, { to: '/settings', name: 'Settings' },
] as const;

export function Rail() {
  const [at] = useLocation();
  return (
    <nav className={css.rail} aria-label="Pages">
      {RAIL.map(({ to, name }) => <Link key={to} href={to} aria-current={at === to || at.startsWith(`${to}/`) ? 'page' : undefined}>{name}</Link>)}
    </nav>
  );
}
