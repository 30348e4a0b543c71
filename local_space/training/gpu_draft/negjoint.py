import sys,os,pickle
sys.path.insert(0,'/tmp/clones/g')
import numpy as np
from local_space import recognition
from local_space.segmentation import View
out=pickle.load(open('/tmp/negviews.pkl','rb'))
s=recognition._sessions()[0]
print([ (o.name,o.shape) for o in s.get_outputs()])
names=[o.name for o in s.get_outputs()]
P={}
for k in out:
    r=[]
    for _,v in out[k]:
        im=recognition._crop(View(*v)).image[None].astype(np.float32)
        kinds=s.run(['kinds'],{s.get_inputs()[0].name:im})[0][0]
        r.append(kinds[10])
    P[k]=np.array(r)
st=np.array([not n.startswith('sk/') for n,_ in out['neg']])
for t in (.3,.5,.7,.9):
    print(t,'stamps %.2f sk %.2f'%((P['neg'][st]>t).mean(),(P['neg'][~st]>t).mean()),'pos refused',(P['pos']>t).sum(),len(P['pos']))
print([(n,round(float(p),2)) for (n,_),p in zip(out['pos'],P['pos']) if p>.1])
print([(n,round(float(p),2)) for (n,_),p in zip(out['neg'],P['neg']) if n.startswith('sk/')])
