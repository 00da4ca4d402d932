import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { Answers, nothing } from '../common/http/answers.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { notFound } from '../common/problem.js';
import { Allow } from './access.js';
import { AuthAudit } from './audit.js';
import { auditQuery, auditSchema, loginSchema, sessionSchema, toAudit, toUser, userSchema } from './auth.schemas.js';
import { originOf } from './origin.js';
import { ACCESS_TOKEN_SECONDS } from './jwt.strategy.js';
import { REFRESH_TOKEN_SECONDS, type Session, SessionsService } from './sessions.service.js';
import { UsersRepository } from './users.repository.js';

const COOKIE = 'tw_refresh';

/** Scripts cannot read it, other sites cannot have it sent, and nothing but sign-in sees it. */
const cookieOptions = ({ protocol }: FastifyRequest) =>
  ({ path: '/api/v1/auth', httpOnly: true, sameSite: 'strict', secure: protocol === 'https' }) as const;

@Controller('auth')
export class AuthController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly users: UsersRepository,
    private readonly audit: AuthAudit,
  ) {}

  @Post('login')
  @HttpCode(200)
  @Allow({ public: true })
  @Answers(sessionSchema)
  async login(@Body({ schema: loginSchema }) body: z.output<typeof loginSchema>, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return answer(await this.sessions.signIn(body.email, body.password, originOf(request)), request, reply);
  }

  @Post('refresh')
  @HttpCode(200)
  @Allow({ public: true })
  @Answers(sessionSchema)
  async refresh(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return answer(await this.sessions.refresh(request.cookies[COOKIE], originOf(request)), request, reply);
  }

  @Post('logout')
  @HttpCode(200)
  @Allow({ public: true })
  @Answers(nothing)
  async logout(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.sessions.signOut(request.cookies[COOKIE], originOf(request));
    void reply.clearCookie(COOKIE, cookieOptions(request));
    return {};
  }

  @Get('me')
  @Allow({ person: 'viewer' })
  @Answers(userSchema)
  async me(@CurrentCaller() caller: Caller) {
    const user = caller.principal.kind === 'user' ? await this.users.byId(caller.principal.id) : null;
    if (!user) throw notFound('user');
    return toUser(user);
  }

  @Get('audit')
  @Allow({ person: 'admin' })
  @Answers(pageSchema(auditSchema))
  async auditTrail(@Query({ schema: auditQuery }) query: z.output<typeof auditQuery>) {
    return pageOf(await this.audit.list(query.limit, query.cursor), query.limit, toAudit);
  }
}

function answer(session: Session, request: FastifyRequest, reply: FastifyReply): z.output<typeof sessionSchema> {
  void reply.setCookie(COOKIE, session.refreshToken, { ...cookieOptions(request), maxAge: REFRESH_TOKEN_SECONDS });
  return { accessToken: session.accessToken, tokenType: 'Bearer', expiresIn: ACCESS_TOKEN_SECONDS, user: toUser(session.user) };
}
