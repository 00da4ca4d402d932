import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ListedCommand } from '../../src/cli/command-list.js';
import { cli } from '../support/cli.js';
import { expectContract } from '../support/contract.js';

let commands: ListedCommand[];
let text: string;
beforeAll(async () => {
  const [listed, shown] = await Promise.all([cli<{ commands: ListedCommand[] }>(['commands', '--json']), cli(['commands'])]);
  commands = listed.json.commands;
  text = shown.stdout;
});

describe('docs/commands.md', () => {
  it('has every command of the command line with its options', () => {
    expect(commands.length).toBeGreaterThan(20);
    expectContract('../../docs/commands.md', `# Commands\n\nWhat \`npm run cli -- commands\` prints. Every command takes \`--json\` (one object on stdout, everything else on stderr) and \`--help\`.\n\n${text}`);
  });
});

describe("the README's table of commands", () => {
  it('has each command, and no other', () => {
    const table = /\n\| command \| does \|\n\|---\|---\|\n([^]*?)\n\n/.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
    const named = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z:]+)[^`]*`/g)].map(([, name = '']) => name));
    expect(named.sort()).toEqual(commands.map(({ name }) => name).sort());
  });
});

describe('the documents', () => {
  it('call no command and no option that the command line does not have', () => {
    const documents = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', ...readdirSync('docs').filter((name) => name.endsWith('.md')).map((name) => join('docs', name))];
    const wrong = documents.flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/(?:npm run (?:-s )?cli -- |\btradewarden )([a-z]+(?::[a-z]+)?)((?:(?!npm run|&&|\||;|tradewarden )[^`\n])*)/g)].flatMap(([call, name = '', rest = '']) => {
      const command = commands.find((each) => each.name === name);
      // "tradewarden" is a word, too: only what is called like a command is one.
      if (!command) return call.startsWith('npm') || name.includes(':') ? [`${path}: ${call.trim()}`] : [];
      const known = [...command.options.flatMap(({ flags }) => [...flags.matchAll(/--[a-z-]+/g)].map(([flag]) => flag)), '--json', '--help', '--version'];
      return [...rest.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([flag]) => flag).filter((flag) => !known.includes(flag)).map((flag) => `${path}: ${name} ${flag}`);
    }));
    expect(wrong).toEqual([]);
  });
});
