"""exp2.py OUT SRC: field and template of each piece scored, with their agreement"""
import sys,os,time
src=sys.argv[2]
sys.path.insert(0,src); sys.path.insert(0,'/work/shared/corners')
os.environ.setdefault('OMP_NUM_THREADS','1')
import numpy as np, pickle, tempfile
from pathlib import Path
from local_space import shape, mesh_file, recognition, surface
from local_space.segmentation import View
import score as sc
from benchmarks import pieces
from scipy.spatial import cKDTree
if os.environ.get('W'): recognition._WEIGHTS=Path(os.environ['W'])
views=pickle.load(open('/tmp/views-room.pkl','rb')); truth=pickle.load(open('/tmp/truth.pkl','rb'))
names=sorted(views)
def scored(n,rec,fit):
    f=shape._field(rec,fit,256)
    if f.max()<=0: return (0,0,0)
    m=surface.extract(f,256)
    with tempfile.TemporaryDirectory() as d: v,fa=sc.load(open(mesh_file.write(m,d,'a.glb'),'rb'))
    tp,ts=truth[n]; p=sc.sample(v,fa,seed=1); a,b=cKDTree(tp).query(p)[0],cKDTree(p).query(tp)[0]
    F=[2*(a<l).mean()*(b<l).mean()/max((a<l).mean()+(b<l).mean(),1e-9) for l in(.03,.05)]
    s=sc.fill(v,fa); return (*F,(s&ts).sum()/(s|ts).sum())
rows=[];t0=time.time()
for i,n in enumerate(names):
    rec=recognition.recognise(View(*views[n]))
    fits=[fit for h in rec.hypotheses for fit in shape._fits(rec,h)]
    fields=[f for f in fits if f.template is None]; field=max(fields,key=lambda f:f.value)
    of=shape._surface(rec,field)
    near=[(shape._agreement(shape._surface(rec,f),of),f) for f in fits if f.template is not None]
    ag,t=max(near,key=lambda it:it[0]+shape._EXPLAINS*it[1].value)
    rows.append((n,'AB'[i%2],ag,field.value,t.value,scored(n,rec,field),scored(n,rec,t),rec.kind in pieces.true_classes(n)))
    print(n[:30],rows[-1][1],'%.2f'%ag,np.round(rows[-1][5],2),np.round(rows[-1][6],2),flush=True)
pickle.dump(rows,open(sys.argv[1],'wb'))
for thr in (.7,.78,.84,.87,.9,.93,.96,2):
    for h in ('A','B','AB'):
        q=[r for r in rows if r[1] in h]
        print(thr,h,'F3 %.3f F5 %.3f IoU %.3f'%tuple(np.mean([r[6] if r[2]>thr else r[5] for r in q],0)),end='   ')
    print()
print('oracle',np.mean([max(r[5],r[6],key=lambda x:x[1]) for r in rows],0), 'class',sum(r[7] for r in rows),time.time()-t0)
