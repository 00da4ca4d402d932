import { applyDecorators, type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata, UseInterceptors } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Report } from '../../database/replica/reports.js';
import { ReportReading } from '../../database/replica/report-reading.js';

const REPORT = Symbol('report');

/** Says where an answer was read, and of when it is. Without DATABASE_REPLICA_URL there is nothing to say. */
@Injectable()
class ReportInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly reading: ReportReading,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const report = this.reflector.get<Report>(REPORT, context.getHandler());
    return from(this.answer(report, next, context.switchToHttp().getResponse<FastifyReply>()));
  }

  private async answer(report: Report, next: CallHandler, reply: FastifyReply): Promise<unknown> {
    const { result, source } = await this.reading.of(report, () => lastValueFrom(next.handle()));
    if (source.from === 'replica') void reply.header('x-data-source', 'replica').header('x-data-as-of', source.asOf);
    else if (source.because !== null) void reply.header('x-data-source', `primary; because=${source.because}`);
    return result;
  }
}

/** Of a handler that only reads, through `ReportReading.db`: its answer may be some seconds old. */
export const FromReplica = (report: Report) => applyDecorators(SetMetadata(REPORT, report), UseInterceptors(ReportInterceptor));
