import { Dialog } from '../../kit/dialog.js';
import { useFilter } from '../../kit/address.js';
import { HaltEffect } from './halt-effect.js';

/** `?halt=<id>` on any page: the halt with its effect, an address that can be sent to someone. */
export function HaltDialog() {
  const [id, setId] = useFilter('halt');
  return id === '' ? null : <Dialog key={id} title="Halt" onClose={() => setId('')}><HaltEffect id={id} /></Dialog>;
}
