/** What the page takes from the checked-in OpenAPI document: the types of all calls, and the schemas of the bodies that it makes forms of. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { root } from './build.mjs';

const source = join(root, 'test', 'contract', 'openapi.json');
const folder = join(root, 'dashboard', 'src', 'api');
const [types, bodies] = [join(folder, 'schema.d.ts'), join(folder, 'bodies.json')];

/** Calls whose body a person fills in by a form. */
const FORMS = [
  'PUT /api/v1/strategies/{strategyId}', 'PUT /api/v1/notifications', 'POST /api/v1/accounts', 'PATCH /api/v1/accounts/{accountId}', 'POST /api/v1/accounts/{accountId}/cash-flows',
  'POST /api/v1/instruments', 'PATCH /api/v1/instruments/{instrumentId}',
];

function withoutRefs(value, document) {
  if (Array.isArray(value)) return value.map((each) => withoutRefs(each, document));
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.$ref === 'string') {
    const { $ref, ...beside } = value;
    return { ...withoutRefs($ref.slice(2).split('/').reduce((at, name) => at[name], document), document), ...beside };
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutRefs(each, document)]));
}

function bodiesOf(document) {
  const entries = FORMS.flatMap((call) => {
    const [method, path] = call.split(' ');
    const body = document.paths[path]?.[method.toLowerCase()]?.requestBody;
    return body ? [[call, withoutRefs(body.content['application/json'].schema, document)]] : [];
  });
  return Object.fromEntries(entries);
}

/** Written when it is missing or older than the document (or this file). */
export async function makePageTypes() {
  const newest = Math.max(statSync(source).mtimeMs, statSync(fileURLToPath(import.meta.url)).mtimeMs);
  if ([types, bodies].every((file) => existsSync(file) && statSync(file).mtimeMs > newest)) return;
  writeFileSync(bodies, `${JSON.stringify(bodiesOf(JSON.parse(readFileSync(source, 'utf8'))), null, 1)}\n`);
  writeFileSync(types, astToString(await openapiTypescript(pathToFileURL(source))));
}

await makePageTypes();
