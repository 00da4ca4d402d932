import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ACCESS, type Access } from './auth/access.js';
import { preconditionOf } from './common/http/if-match.js';
import { creationOf } from './common/http/once.js';
import { TITLES } from './common/http/problem.filter.js';
import { SUMMARIES } from './openapi-summaries.js';

type Json = Record<string, unknown>;
interface Operation extends Json {
  operationId: string;
  parameters: Json[];
  requestBody?: Json;
  responses: Record<string, Json>;
}

/** What a handler's decorators say that the generator does not ask for. */
interface Handler {
  access: Access | undefined;
  /** It takes an `Idempotency-Key`. */
  once: boolean;
  /** It takes an `If-Match`. */
  ifMatch: boolean;
}

const DESCRIPTION = `Control plane for AI trading agents.

Times are RFC 3339 in UTC; requests may also send epoch milliseconds. Prices, sizes, money and confidence are decimal strings
in answers; requests may send strings or numbers. Unknown parameters and fields are refused; answers may gain fields.
Errors are \`application/problem+json\` with a stable \`code\`. \`X-Request-Id\` is accepted or made, returned and logged.
\`x-access\` says who may call: the least role of a person, the scope that an agent's key needs, or everybody; \`unlimited\` calls are
not counted by the \`rateLimitPerSecond\` of a key.
Every answer to an agent carries \`X-Desired-State\`.`;

/** Made from the controllers and the schemas that check the requests: there is nothing to keep in step by hand. */
export function openApi(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Tradewarden')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A person\'s access token, or an agent\'s key tw_…' }, 'bearer')
    .addApiKey({ type: 'apiKey', name: 'X-API-Key', in: 'header', description: 'An agent\'s key tw_…' }, 'apiKey')
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory });
  const handlers = handlersOf(app);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods) as Operation[]) complete(operation, path, handlers.get(operation.operationId));
  }
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: PROBLEM }, responses: PROBLEM_RESPONSES } as never;
  return simplified(document, false) as OpenAPIObject;
}

const operationIdFactory = (controller: string, method: string) =>
  controller.replace(/Controller$/, '').replace(/^./, (first) => first.toLowerCase()) + method.replace(/^./, (first) => first.toUpperCase());

function handlersOf(app: NestFastifyApplication): Map<string, Handler> {
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  return new Map(controllers.flatMap(({ metatype }) => {
    const type = metatype as (new () => object) | undefined;
    const prototype = (type?.prototype ?? {}) as Record<string, unknown>;
    return type === undefined ? [] : Object.getOwnPropertyNames(prototype).filter((name) => typeof prototype[name] === 'function').map((name) => {
      const args = Object.values((Reflect.getMetadata(ROUTE_ARGS_METADATA, type, name) ?? {}) as Record<string, { factory?: unknown }>);
      const access = (Reflect.getMetadata(ACCESS, prototype[name] as object) ?? Reflect.getMetadata(ACCESS, type)) as Access | undefined;
      return [operationIdFactory(type.name, name), { access, once: args.some(({ factory }) => factory === creationOf), ifMatch: args.some(({ factory }) => factory === preconditionOf) }] as const;
    });
  }));
}

function complete(operation: Operation, path: string, handler: Handler | undefined): void {
  const { access = {}, once = false, ifMatch = false } = handler ?? {};
  const summary = SUMMARIES[operation.operationId];
  if (summary === undefined) throw new Error(`${operation.operationId} has no summary in openapi-summaries.ts`);
  operation['summary'] = summary;
  operation['x-access'] = access;
  operation['security'] = access.public ? [] : [...(access.person || access.agent ? [{ bearer: [] }] : []), ...(access.agent ? [{ apiKey: [] }] : [])];
  for (const parameter of operation.parameters) {
    if (parameter['name'] !== 'agentId' || parameter['in'] !== 'path' || !access.agent) continue;
    Object.assign(parameter, { description: 'its id; for an agent also `me`', schema: { type: 'string' } });
  }
  if (once) {
    operation.parameters.push(header('Idempotency-Key', 'a repetition with the same key and body gives the stored answer, for 24 hours', 255));
  }
  if (ifMatch) operation.parameters.push(header('If-Match', 'the version that was read, as its ETag has it', 32));
  if (access.agent && !access.person) operation.parameters.push(header('X-Instance-Id', 'names the running copy of the agent; required in live', 64));
  for (const status of problemsOf(operation, path, access, { once, ifMatch })) operation.responses[status] ??= { $ref: `#/components/responses/Problem${status}` };
  for (const answer of Object.values(operation.responses)) if (answer['description'] === '') answer['description'] = 'Done';
}

const header = (name: string, description: string, maxLength: number): Json =>
  ({ name, in: 'header', required: false, description, schema: { type: 'string', minLength: 1, maxLength } });

function problemsOf(operation: Operation, path: string, access: Access, { once, ifMatch }: Omit<Handler, 'access'>): number[] {
  const isWrite = operation.requestBody !== undefined || once;
  // Where nothing is asked for, a parameter is one too many.
  const asks = isWrite || path.startsWith('/api/v1/');
  return [
    ...(asks ? [400] : []), ...(access.public ? [] : [401, 403]), ...(path.includes('{') || NAMES_OTHERS.has(operation.operationId) ? [404] : []), ...(isWrite ? [409, 413, 415] : []),
    ...(once || path.endsWith('/sync') ? [422] : []), ...(ifMatch ? [412, 428] : []), ...(path.endsWith('/login') ? [401, 429] : []), ...(access.agent && !access.unlimited ? [429] : []),
    ...(path.endsWith('/refresh') || path === '/metrics' ? [401] : []), ...(path.endsWith('/api/v1/events') ? [410] : []), ...(path.endsWith('/notifications/test') ? [502] : []), ...(path.startsWith('/webhooks/') ? [400, 401, 403, 413] : []), ...(path === '/livez' || path === '/metrics' ? [] : [503]),
  ];
}

/** What their body or query names may not be there: 404, as with an id in the path. */
const NAMES_OTHERS = new Set([
  'curveMarksList', 'equityCurveGet', 'explanationsCreateAlone', 'instrumentsUpload', 'instrumentsUploadMany', 'killSwitchImpose', 'marksTakeMany', 'performanceGet',
  'positionsList', 'positionsListOrders', 'predictionsLatest', 'quotesTake', 'riskCheckCheck', 'riskLimitsEffective', 'tradeIdeasPropose', 'tradesCreate',
]);

const text = (description?: string) => ({ type: 'string', ...(description ? { description } : {}) });

const PROBLEM = {
  type: 'object', required: ['type', 'title', 'status', 'detail', 'code', 'retryable', 'correlationId'],
  properties: {
    type: text(), title: text(), status: { type: 'integer' }, detail: text('for people'), instance: text('the path that was asked'),
    code: text('stable: what clients branch on'), retryable: { type: 'boolean', description: 'the same request may succeed later' },
    correlationId: text('finds the request in the log'),
    errors: { type: 'array', items: { type: 'object', required: ['path', 'message'], properties: { path: text(), message: text() } } },
    lastSyncSeq: { type: 'integer', description: 'with SYNC_SEQ_STALE and SYNC_SEQ_REUSED: the next sync of this copy takes a higher number' },
    currentVersion: { type: 'integer', description: 'with PRECONDITION_FAILED: what is there now' },
    digest: text('with DIGEST_MISMATCH and PRICE_MOVED: of the idea as it is to be approved now'),
    priceBand: { type: 'object', nullable: true, required: ['low', 'high'], properties: { low: text(), high: text() }, description: 'likewise: what the digest covers; null: it has none' },
  },
};

const PROBLEM_RESPONSES = Object.fromEntries([400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428, 429, 502, 503].map((status) => [`Problem${status}`, {
  description: TITLES[status],
  ...(status === 429 || status === 503 ? { headers: { 'Retry-After': { description: 'seconds', schema: { type: 'integer' } } } } : {}),
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}]));

/** Without what only repeats: patterns beside a format that says the same, and the range of whole doubles. */
function simplified(value: unknown, inAnswer: boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => simplified(each, inAnswer));
  if (value === null || typeof value !== 'object') return value;
  const { format, minimum, maximum, allOf } = value as Json;
  if (Array.isArray(allOf) && allOf.length === 1 && Object.keys(value).length === 1) return allOf[0];
  const dropped = new Set<string>([
    ...(format === 'uuid' || format === 'date-time' ? ['pattern'] : []),
    ...(minimum === Number.MIN_SAFE_INTEGER ? ['minimum'] : []), ...(maximum === Number.MAX_SAFE_INTEGER ? ['maximum'] : []),
    // Clients must let answers gain fields.
    ...(inAnswer && (value as Json)['additionalProperties'] === false ? ['additionalProperties'] : []),
  ]);
  return Object.fromEntries(Object.entries(value).filter(([key]) => !dropped.has(key)).map(([key, inner]) => [key, simplified(inner, inAnswer || key === 'responses' || key === 'components')]));
}
