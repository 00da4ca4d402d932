import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { AccessGuard } from './access.guard.js';
import { ApiKeysService } from './api-keys.service.js';
import { AuthAudit } from './audit.js';
import { AuthController } from './auth.controller.js';
import { JwtStrategy } from './jwt.strategy.js';
import { RateLimiter } from './rate-limit.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Global()
@Module({
  imports: [
    JwtModule.registerAsync({
      inject: [ENV],
      useFactory: (env: Env) => ({ secret: env.JWT_SECRET, signOptions: { algorithm: 'HS256' as const } }),
    }),
  ],
  controllers: [AuthController, UsersController],
  providers: [
    ApiKeysService, AuthAudit, JwtStrategy, RateLimiter, SessionsRepository, SessionsService, UsersRepository, UsersService,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [AuthAudit, ApiKeysService, RateLimiter, SessionsRepository, UsersService, UsersRepository],
})
export class AuthModule {}
