/** Where a process spent its time, from the newest of V8's profiles in a folder. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ProfileShare {
  /** A package, a folder of the project, or what V8 names in brackets. */
  readonly module: string;
  /** Share of the time in which the process was not idle. */
  readonly share: number;
  readonly functions: readonly { readonly name: string; readonly share: number }[];
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MODULES_SHOWN = 14;
const FUNCTIONS_SHOWN = 6;

/** Self time by module and function, the largest first. Throws where the folder holds no profile. */
export function profileOf(folder: string): readonly ProfileShare[] {
  const files = globSync(join(folder, '*.cpuprofile')).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  const [file] = files;
  if (file === undefined) throw new Error(`no profile in ${folder}`);
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const modules = new Map<string, Map<string, number>>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    const spent = timeDeltas[index] ?? 0;
    if (frame === undefined || frame.functionName === '(idle)') continue;
    busy += spent;
    const module = moduleOf(frame.url, frame.functionName);
    const functions = modules.get(module) ?? new Map<string, number>();
    modules.set(module, functions);
    const name = frame.functionName === '' ? '(anonymous)' : frame.functionName;
    functions.set(name, (functions.get(name) ?? 0) + spent);
  }
  const largest = <T extends { readonly share: number }>(list: readonly T[], most: number) =>
    [...list].sort((a, b) => b.share - a.share).slice(0, most);
  const shares = [...modules].map(([module, functions]) => {
    const list = [...functions].map(([name, spent]) => ({ name, share: spent / busy }));
    return { module, share: list.reduce((sum, { share }) => sum + share, 0), functions: largest(list, FUNCTIONS_SHOWN) };
  });
  return largest(shares, MODULES_SHOWN);
}

function moduleOf(url: string, functionName: string): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'V8 and native code';
  const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (installed !== undefined) return installed;
  const own = /\/(schemas|services|test)\/(.+)\.ts$/.exec(url);
  return own === null ? (url.replace(/^node:/, 'node:').split('?')[0] ?? url) : `${own[1]}/${own[2]}`;
}
