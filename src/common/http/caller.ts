import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    principal?: Principal;
  }
}

/** Who asks, and the request's correlation id: what every stored change carries. */
export interface Caller {
  principal: Principal;
  correlationId: string;
}

export function callerOf(request: FastifyRequest): Caller {
  if (!request.principal) throw new Error('a handler that needs a caller stands on a public route');
  return { principal: request.principal, correlationId: request.id };
}

export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
