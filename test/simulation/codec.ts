/** The codec as a simulated process has it: behind a registry that may be away. */
import { type Codec, RegistryError } from '@idemtrace/schemas';
import type { Process, World } from './world.ts';

export interface RegistryFaults {
  /** Probability of each call. */
  registry: number;
}

export function codecOf(codec: Codec, process: Process, world: World, faults: RegistryFaults): Pick<Codec, 'encode' | 'decode'> {
  return {
    encode: codec.encode.bind(codec) as Codec['encode'],
    async decode(records) {
      await world.turn(process, 'decode');
      if (world.random.chance(faults.registry)) {
        world.count('fault: registry away');
        throw new RegistryError('away', 'the registry is away');
      }
      return codec.decode(records);
    },
  };
}
