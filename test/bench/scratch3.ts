import { profileOf } from './throughput/profile.ts';
for(const m of profileOf(process.argv[2]!)) console.log(m.module.padEnd(48),(m.share*100).toFixed(1), m.functions.slice(0,6).map(f=>f.name+' '+(f.share*100).toFixed(1)).join(', '));
