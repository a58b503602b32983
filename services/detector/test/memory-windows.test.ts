import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import { windowConformance } from './windows-conformance.ts';

windowConformance('memory', async (windowMs) => new MemoryWindows({ windowMs }));
