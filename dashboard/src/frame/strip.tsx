import { useStream } from '../api/stream.js';
import css from './strip.module.css';

export function Strip() {
  const stream = useStream();
  return <header className={css.strip} aria-label="Safety">{stream.state}</header>;
}
