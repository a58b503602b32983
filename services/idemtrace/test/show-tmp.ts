import {renderSvg} from '../src/pictures/svg.ts'; import * as v from './pictures-views.ts'; import {writeFileSync} from 'node:fs';
const w=(n:string,x:any,o={})=>writeFileSync('/tmp/svg-'+n+'.svg',renderSvg(x,o));
w('billing',v.billingView());w('dark',v.billingView(),{theme:'dark'});w('3',v.manyRuns(3));w('8',v.manyRuns(8));w('60',v.manyRuns(2,60));w('nested',v.nestedView());w('1',v.manyRuns(1));
