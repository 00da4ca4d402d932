import type { Command } from 'commander';
import type { Outcome } from './outcome.js';

export interface ListedCommand {
  name: string;
  /** With its arguments: `import:rollback <run>`. */
  usage: string;
  does: string;
  options: { flags: string; does: string }[];
}

/** Every command with its options, as the command line itself knows them; docs/commands.md is its text. */
export function commandList(program: Command): Outcome & { json: { commands: ListedCommand[] } } {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    usage: [command.name(), ...command.registeredArguments.map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))].join(' '),
    does: command.description(),
    options: command.options.map(({ flags, description, mandatory }) => ({ flags, does: [mandatory ? 'required' : '', description].filter(Boolean).join('; ') })),
  })).sort((one, other) => (one.name < other.name ? -1 : 1));
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const text = commands.map(({ usage, does, options }) => [
    `## ${usage.split(' ')[0]}`, '', `\`${usage}\`: ${cell(does)}`,
    ...(options.length === 0 ? [] : ['', '| option | says |', '|---|---|', ...options.map((option) => `| \`${option.flags}\` | ${cell(option.does)} |`)]),
  ].join('\n')).join('\n\n');
  return { json: { commands }, text };
}
