import { Link, useLocation } from 'wouter';
import css from './tabs.module.css';

/** Parts of a page, each with an address of its own. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly { to: string; name: string }[] }) {
  const [at] = useLocation();
  const here = [...tabs].sort((a, b) => b.to.length - a.to.length).find(({ to }) => at === to || at.startsWith(`${to}/`));
  return (
    <nav className={css.tabs} aria-label={label}>
      {tabs.map(({ to, name }) => <Link key={to} href={to} aria-current={here?.to === to ? 'page' : undefined}>{name}</Link>)}
    </nav>
  );
}
