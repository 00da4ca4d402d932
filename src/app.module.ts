import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import { AccountsModule } from './accounts/accounts.module.js';
import { AgentsModule } from './agents/agents.module.js';
import { AuthModule } from './auth/auth.module.js';
import { BackupModule } from './backup/backup.module.js';
import { ClosuresModule } from './closures/closures.module.js';
import { CircuitBreakerModule } from './circuit-breaker/circuit-breaker.module.js';
import { CutoverModule } from './legacy/cutover/cutover.module.js';
import { MirrorModule } from './legacy/mirror/mirror.module.js';
import { DecisionsModule } from './decisions/decisions.module.js';
import { Draining } from './common/draining.js';
import { ProblemFilter } from './common/http/problem.filter.js';
import { RequestValidation } from './common/http/validation.js';
import { Metrics } from './common/metrics.js';
import { CommandsModule } from './commands/commands.module.js';
import { loggerOptions } from './config/logger.js';
import type { Env } from './config/env.js';
import { QuietLogger } from './config/quiet-logger.js';
import { ENV } from './config/env.token.js';
import { DatabaseModule } from './database/database.module.js';
import { EventsModule } from './events/events.module.js';
import { ExecutionModule } from './execution/execution.module.js';
import { ExportModule } from './legacy/export/export.module.js';
import { ExplanationsModule } from './explanations/explanations.module.js';
import { HaltsModule } from './halts/halts.module.js';
import { HealthModule } from './health/health.module.js';
import { IncidentsModule } from './incidents/incidents.module.js';
import { InstrumentsModule } from './instruments/instruments.module.js';
import { KillSwitchModule } from './kill-switch/kill-switch.module.js';
import { LegacyModule } from './legacy/legacy.module.js';
import { LiveModule } from './live/live.module.js';
import { MarketDataModule } from './market-data/market-data.module.js';
import { OverviewModule } from './overview/overview.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { PositionsModule } from './positions/positions.module.js';
import { PredictionsModule } from './predictions/predictions.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { RetentionModule } from './retention/retention.module.js';
import { RestoreModule } from './restore/restore.module.js';
import { RiskModule } from './risk/risk.module.js';
import { StrategiesModule } from './strategies/strategies.module.js';
import { SupervisorModule } from './supervisor/supervisor.module.js';
import { SystemMonitorModule } from './system-monitor/system-monitor.module.js';
import { TradeIdeasModule } from './trade-ideas/trade-ideas.module.js';
import { TradesModule } from './trades/trades.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { WhyModule } from './why/why.module.js';

@Global()
@Module({})
class SettingsModule {
  static with(env: Env): DynamicModule {
    return { module: SettingsModule, providers: [{ provide: ENV, useValue: env }, Draining, Metrics], exports: [ENV, Draining, Metrics] };
  }
}

@Module({})
export class AppModule {
  static with(env: Env): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SettingsModule.with(env),
        LoggerModule.forRoot(loggerOptions(env)),
        DatabaseModule,
        EventsModule,
        AuthModule,
        IncidentsModule,
        AccountsModule,
        HaltsModule,
        AgentsModule,
        InstrumentsModule,
        StrategiesModule,
        MarketDataModule,
        PredictionsModule,
        TradesModule,
        ExplanationsModule,
        CircuitBreakerModule,
        RiskModule,
        CommandsModule,
        DecisionsModule,
        KillSwitchModule,
        ClosuresModule,
        TradeIdeasModule,
        PositionsModule,
        ExecutionModule,
        SupervisorModule,
        WhyModule,
        RetentionModule,
        LegacyModule,
        LiveModule,
        WebhooksModule,
        OverviewModule,
        ReportsModule,
        NotificationsModule,
        BackupModule,
        HealthModule,
        SystemMonitorModule,
        ExportModule,
        CutoverModule,
        MirrorModule,
        RestoreModule,
      ],
      providers: [
        QuietLogger,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: RequestValidation },
      ],
    };
  }
}
