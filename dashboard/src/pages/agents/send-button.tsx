import { HoldButton, TypedConfirm } from '../../kit/confirm.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import type { CommandType } from './new-command.js';

/** Says the effect, not the word of the contract. */
const EFFECTS: Record<string, (name: string) => string> = {
  start: (name) => `Start ${name}`, stop: (name) => `Stop ${name}`, pause: (name) => `Pause ${name}`, resume: (name) => `Resume ${name}`, kill: (name) => `Kill ${name}`, flatten: (name) => `Close everything of ${name}`,
  close_trade: () => 'Close this trade', cancel_order: () => 'Cancel this order', modify_trade: () => 'Move stop or target', reconcile: (name) => `Ask ${name} what its broker shows`, update_config: (name) => `Change settings of ${name}`, custom: (name) => `Send it to ${name}`,
};

interface Props {
  agent: Agent;
  type: CommandType;
  isBusy: boolean;
  onSend: () => void;
}

/** Held for what stops or reduces, typed for what starts trading, a plain button for the rest. */
export function SendButton({ agent, type, isBusy, onSend }: Props) {
  const effect = EFFECTS[type.type]?.(agent.name) ?? `Send ${type.type}`;
  if (isBusy) return <p role="status" className="quiet">Queueing …</p>;
  if (type.class === 'reduces') return <div><HoldButton onHeld={onSend}>{effect}</HoldButton></div>;
  if (type.type === 'start' || type.type === 'resume') return <TypedConfirm word={type.type.toUpperCase()} onConfirmed={onSend}>{effect}</TypedConfirm>;
  return <div><button type="button" className="main" onClick={onSend}>{effect}</button></div>;
}
