/** The command line. The only place that reads the environment and builds clients is here and below. */
import { Command, CommanderError, Option } from 'commander';
import { type Context, createContext } from './commands/context.ts';
import { CommandError, EXIT } from './output/command-error.ts';
import { PartError } from './pipeline/part.ts';

type Action<A extends readonly unknown[]> = (context: Context, ...args: A) => Promise<number>;

/** Runs the program; answers its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const context = createContext(abort.signal);
  const interrupt = () => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    abort.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let exitCode: number = EXIT.ok;
  const run =
    <A extends readonly unknown[]>(action: () => Promise<Action<A>>) =>
    async (...args: unknown[]) => {
      // Commander hands on arguments, then options, then the command itself.
      exitCode = await (await action())(context, ...(args.slice(0, -1) as unknown as A));
    };
  try {
    await program(run).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, context, abort.signal.aborted);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

type Run = <A extends readonly unknown[]>(action: () => Promise<Action<A>>) => (...args: unknown[]) => Promise<void>;

function program(run: Run): Command {
  const root = new Command('idemtrace')
    .description('Shows effects that AI agents have twice: repeated tool calls, divergent retries, foreign documents.')
    .version('0.1.0')
    .exitOverride()
    .showHelpAfterError('(--help lists the commands and options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 a check found something; 2 bad call, configuration or input; 3 something needed is missing or in use; 70 a fault of idemtrace; 130 interrupted.',
    );

  const config = new Option('--config <file>', 'configuration (default: idemtrace.yaml, where there is one)');
  const data = new Option('--data <folder>', 'data folder (default: the configured one, .idemtrace)');
  const policy = new Option('--policy <file>', 'policy (YAML)');
  const json = new Option('--json', 'print JSON for programs');
  const limit = new Option('--limit <n>', 'most rows').default('100');

  root
    .command('demo')
    .description('play a day of a simulated company through the pipeline, and show what went wrong')
    .addOption(new Option('--seed <n>', 'another day').default('42'))
    .addOption(data)
    .action(run(async () => (await import('./commands/demo.ts')).demoCommand));

  root
    .command('replay <file>')
    .description('replay recorded calls (one JSON object a line) through the pipeline')
    .addOption(policy)
    .addOption(data)
    .addOption(config)
    .addOption(new Option('--alerts <file>', 'write every revision of every alert, one JSON object a line'))
    .addOption(new Option('--batch <records>', 'most records judged in one transaction'))
    .addOption(new Option('--real', 'on the configured Kafka, registry, Redis and ClickHouse, not embedded'))
    .addOption(json)
    .action(run(async () => (await import('./commands/replay.ts')).replayCommand));

  root
    .command('up')
    .description('run everything in one process, embedded or on the configured services, with an intake for agents, until Ctrl-C')
    .addOption(policy)
    .addOption(data)
    .addOption(config)
    .addOption(new Option('--port <port>', 'port of the intake'))
    .action(run(async () => (await import('./commands/up.ts')).upCommand));

  const from = new Option('--from <where>', 'where a group that never committed starts: earliest, latest or a time');
  const part = (name: string, description: string) => root.command(name).description(description).addOption(config);
  part('detector', 'judge the events of the configured Kafka, until a request to end')
    .addOption(policy)
    .addOption(from)
    .action(run(async () => (await import('./commands/processes.ts')).detectorCommand));
  part('gateway', 'take events over HTTP into the configured Kafka, until a request to end')
    .addOption(new Option('--port <port>', 'port of the intake'))
    .action(run(async () => (await import('./commands/processes.ts')).gatewayCommand));
  part('lineage-sink', 'store events and alerts of the configured Kafka in ClickHouse, until a request to end').action(
    run(async () => (await import('./commands/processes.ts')).lineageSinkCommand),
  );

  const topics = root.command('topics').description('topics and schemas of the configured Kafka and registry');
  topics
    .command('create')
    .description('create what is missing: topics, offsets of the groups, schemas')
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/topics.ts')).createCommand));
  topics
    .command('check')
    .description('tell where topics and schemas differ from what the pipeline needs')
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/topics.ts')).checkCommand));

  root
    .command('alerts')
    .description('print alerts, the latest last')
    .addOption(new Option('-f, --follow', 'wait for more'))
    .addOption(new Option('--severity <least>', 'least severity').choices(['info', 'warning', 'critical']).default('warning'))
    .addOption(new Option('--tenant <id>', 'of this tenant alone'))
    .addOption(data)
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/alerts.ts')).alertsCommand));

  const letters = root.command('dead-letters').description('records that could not be judged: read them, and put them back once mended');
  const reason = new Option('--reason <reason>', 'of this reason alone');
  const since = new Option('--since <time>', 'that became dead letters since a time, or so long ago (2h)');
  const ofLetters = (name: string, description: string) =>
    letters.command(name).description(description).addOption(data).addOption(config).addOption(json);
  ofLetters('list', 'list dead letters, the latest last')
    .addOption(reason)
    .addOption(since)
    .addOption(limit)
    .action(run(async () => (await import('./commands/dead-letters.ts')).listCommand));
  ofLetters('show <partition:offset>', 'one dead letter: what is wrong with it, and what to do')
    .addOption(new Option('--bytes', 'show key, headers and value too: they may be private'))
    .action(run(async () => (await import('./commands/dead-letters.ts')).showCommand));
  ofLetters(
    'redrive [partition:offset...]',
    'put records back onto their topic, as far as they are valid now; exit code 1 where one is not',
  )
    .addOption(reason)
    .addOption(since)
    .addOption(new Option('--dry-run', 'append nothing, say what would be'))
    .action(run(async () => (await import('./commands/dead-letters.ts')).redriveCommand));

  const lineage = root.command('lineage').description('ask what happened (every query is of one tenant), and set the server up');
  const tenant = new Option('--tenant <id>', 'the tenant').makeOptionMandatory();
  const query = (name: string, description: string) =>
    lineage.command(name).description(description).addOption(tenant).addOption(data).addOption(config).addOption(json);
  query('attempts <workflow>', 'a workflow’s attempts side by side, the clash marked')
    .addOption(new Option('--alert <id>', 'this alert alone, told in full'))
    .addOption(new Option('--svg <file>', 'draw into an SVG file'))
    .action(run(async () => (await import('./commands/lineage.ts')).attemptsCommand));
  query('run <run>', 'a run’s timeline')
    .addOption(new Option('--workflow <id>', 'its workflow').makeOptionMandatory())
    .action(run(async () => (await import('./commands/lineage.ts')).runCommand));
  query('executions <digest>', 'executions of an input hash or effect key (the subject of an alert)')
    .addOption(limit)
    .action(run(async () => (await import('./commands/lineage.ts')).executionsCommand));
  query('document <id>', 'actions that were grounded on a document')
    .addOption(limit)
    .action(run(async () => (await import('./commands/lineage.ts')).documentCommand));
  query('action <execution>', 'documents that an action rests on').action(
    run(async () => (await import('./commands/lineage.ts')).actionCommand),
  );
  query('duplicates', 'duplicates per tool and day')
    .addOption(new Option('--days <n>', 'of the last days').default('30'))
    .action(run(async () => (await import('./commands/lineage.ts')).duplicatesCommand));
  lineage
    .command('gaps')
    .description('gaps in the emitters’ sequences: events that were dropped on the way')
    .addOption(new Option('--tenant <id>', 'the tenant'))
    .addOption(new Option('--all-tenants', 'of every tenant, for operators').conflicts('tenant'))
    .addOption(data)
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/lineage.ts')).gapsCommand));

  lineage
    .command('migrate')
    .description('bring the tables of the configured ClickHouse server up to date, and set how long rows are kept')
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/lineage-setup.ts')).migrateCommand));
  lineage
    .command('access')
    .description('print SQL for an administrator: users, grants and row policies, each tenant shut off from the others')
    .addOption(new Option('--tenant <id...>', 'a user for each of these tenants'))
    .addOption(new Option('--operator <name...>', 'users and roles of the server that may read every tenant’s rows'))
    .addOption(config)
    .action(run(async () => (await import('./commands/lineage-setup.ts')).accessCommand));

  root
    .command('judge')
    .description('show which alerts would come, go or change if the events since a time were judged by another policy; nothing is written')
    .addOption(new Option('--policy <file>', 'the other policy (YAML)').makeOptionMandatory())
    .addOption(new Option('--from <when>', 'a time, or a duration back from now such as 24h (default: the window)'))
    .addOption(new Option('--dry-run', 'needed: judging old events again for good is not offered'))
    .addOption(new Option('--limit <n>', 'most alerts named of each kind').default('20'))
    .addOption(data)
    .addOption(config)
    .addOption(json)
    .addHelpText('after', '\nExit codes: 0 nothing would change; 1 alerts would come, go or change.')
    .action(run(async () => (await import('./commands/judge.ts')).judgeCommand));

  const policies = root.command('policy').description('check and compile policies');
  policies
    .command('check <file>')
    .description('list every mistake with its line')
    .addOption(json)
    .action(run(async () => (await import('./commands/policy.ts')).checkCommand));
  policies
    .command('compile <file>')
    .description('write the policy as JSON, as emitters take it')
    .addOption(new Option('-o, --output <file>', 'default: standard output'))
    .action(run(async () => (await import('./commands/policy.ts')).compileCommand));

  root
    .command('erase')
    .description('take a tenant out of log, windows, lineage and hash keys, for good, and prove it')
    .addOption(tenant)
    .addOption(new Option('--yes', 'without a question'))
    .addOption(data)
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/erase.ts')).eraseCommand));

  root
    .command('doctor')
    .description('check this machine, the configuration and the data folder, and say how to mend what is wrong')
    .addOption(policy)
    .addOption(data)
    .addOption(config)
    .addOption(json)
    .action(run(async () => (await import('./commands/doctor.ts')).doctorCommand));

  const configuration = root.command('config').description('the configuration');
  configuration
    .command('print')
    .description('print every setting with where it comes from; secrets are masked')
    .addOption(policy)
    .addOption(data)
    .addOption(config)
    .action(run(async () => (await import('./commands/config.ts')).printCommand));
  configuration
    .command('table')
    .description('print a Markdown table of all settings and their variables')
    .action(run(async () => (await import('./commands/config.ts')).tableCommand));

  return root;
}

/** What went wrong, as its user needs to read it; a stack only for faults of the program. */
function explain(error: unknown, { screen }: Context, isInterrupted: boolean): number {
  screen.settle();
  if (isInterrupted) {
    screen.note('interrupted');
    return EXIT.interrupted;
  }
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandError) {
    screen.note(error.message);
    return error.exitCode;
  }
  // A fault with a code is one that its thread could tell: its message says what is wrong and what to do.
  if (error instanceof PartError && error.code !== undefined) {
    screen.note(error.message);
    return EXIT.unavailable;
  }
  screen.note(`idemtrace failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.fault;
}
