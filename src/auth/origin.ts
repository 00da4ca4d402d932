import type { FastifyRequest } from 'fastify';
import type { Origin } from './audit.js';

export const originOf = (request: FastifyRequest): Origin => ({
  address: request.ip,
  userAgent: request.headers['user-agent'] ?? null,
  correlationId: request.id,
});
