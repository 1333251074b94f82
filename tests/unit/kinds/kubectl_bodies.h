#pragma once

/* Request bodies as kubectl 1.33 writes them, byte for byte, and what they say in JSON (without
 * apiVersion and kind; single quotes for double ones). */
static const struct kubectl_body {
        const char *kind;
        const char *hex;
        const char *json;
} kubectl_bodies[] = {
        /* kubectl create configmap c --from-literal=a=b */
        { "ConfigMap",
          "6b3873000a0f0a0276311209436f6e6669674d6170121b0a110a016312001a0022002a00320038"
          "00420012060a01611201621a002200",
          "{'metadata':{'name':'c'},'data':{'a':'b'}}" },
        /* kubectl create secret generic s --from-literal=k=v */
        { "Secret",
          "6b3873000a0c0a0276311206536563726574121d0a110a017312001a0022002a00320038004200"
          "12060a016b1201761a001a002200",
          "{'metadata':{'name':'s'},'data':{'k':'dg=='}}" },
        /* kubectl create deployment web --image=nginx --replicas=0 --port=80 */
        { "Deployment",
          "6b3873000a150a07617070732f7631120a4465706c6f796d656e7412b8010a1f0a037765621200"
          "1a0022002a003200380042005a0a0a0361707012037765621286010800120c0a0a0a0361707012"
          "037765621a6c0a1c0a0012001a0022002a003200380042005a0a0a036170701203776562124c12"
          "2e0a056e67696e7812056e67696e782a00320a0a001000185022002a0042006a00720080010088"
          "0100900100a201001a00320042004a0052005800600068008201008a01009a0100c2010022020a"
          "00280038001a0c0800100018002000280038001a002200",
          "{'metadata':{'name':'web','labels':{'app':'web'}},'spec':{'replicas':0,'select"
          "or':{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web"
          "'}},'spec':{'containers':[{'name':'nginx','image':'nginx','ports':[{'container"
          "Port':80}]}]}}}}" },
        /* kubectl create service clusterip svc --tcp=80:8080 */
        { "Service",
          "6b3873000a0d0a02763112075365727669636512690a1f0a0373766312001a0022002a00320038"
          "0042005a0a0a03617070120373766312420a1b0a0738302d383038301203544350185022070800"
          "10903f1a002800120a0a0361707012037376631a002209436c757374657249503a00420052005a"
          "00600068001a020a001a002200",
          "{'metadata':{'name':'svc','labels':{'app':'svc'}},'spec':{'ports':[{'name':'80"
          "-8080','protocol':'TCP','port':80,'targetPort':8080}],'selector':{'app':'svc'}"
          ",'type':'ClusterIP'}}" },
        /* kubectl create service nodeport np --tcp=80:http --node-port=30080 */
        { "Service",
          "6b3873000a0d0a027631120753657276696365126a0a1d0a026e7012001a0022002a0032003800"
          "42005a090a0361707012026e7012450a200a0738302d6874747012035443501850220a08011000"
          "1a04687474702880eb0112090a0361707012026e701a0022084e6f6465506f72743a0042005200"
          "5a00600068001a020a001a002200",
          "{'metadata':{'name':'np','labels':{'app':'np'}},'spec':{'ports':[{'name':'80-h"
          "ttp','protocol':'TCP','port':80,'targetPort':'http','nodePort':30080}],'select"
          "or':{'app':'np'},'type':'NodePort'}}" },
        /* kubectl create job j --image=busybox -- sh -c true */
        { "Job",
          "6b3873000a0f0a0862617463682f763112034a6f621286010a110a016a12001a0022002a003200"
          "38004200126732650a100a0012001a0022002a003200380042001251122e0a016a120762757379"
          "626f781a0273681a022d631a04747275652a0042006a007200800100880100900100a201001a05"
          "4e65766572320042004a0052005800600068008201008a01009a0100c201001a08200028003000"
          "3a001a002200",
          "{'metadata':{'name':'j'},'spec':{'template':{'spec':{'containers':[{'name':'j'"
          ",'image':'busybox','command':['sh','-c','true']}],'restartPolicy':'Never'}}}}" },
        /* kubectl create cronjob cj --image=busybox --schedule=* /5**** */
        { "CronJob",
          "6b3873000a130a0862617463682f7631120743726f6e4a6f62129a010a120a02636a12001a0022"
          "002a003200380042001281010a072a2f352a2a2a2a1a002a740a120a02636a12001a0022002a00"
          "320038004200125e325c0a100a0012001a0022002a00320038004200124812210a02636a120762"
          "757379626f782a0042006a007200800100880100900100a201001a094f6e4661696c7572653200"
          "42004a0052005800600068008201008a01009a0100c201001a001a002200",
          "{'metadata':{'name':'cj'},'spec':{'schedule':'*/5****','jobTemplate':{'metadat"
          "a':{'name':'cj'},'spec':{'template':{'spec':{'containers':[{'name':'cj','image"
          "':'busybox'}],'restartPolicy':'OnFailure'}}}}}}" },
        /* kubectl create role r --verb=get --resource=services */
        { "Role",
          "6b3873000a240a1c726261632e617574686f72697a6174696f6e2e6b38732e696f2f7631120452"
          "6f6c6512260a110a017212001a0022002a0032003800420012110a0367657412001a0873657276"
          "696365731a002200",
          "{'metadata':{'name':'r'},'rules':[{'verbs':['get'],'apiGroups':[''],'resources"
          "':['services']}]}" },
        /* kubectl create clusterrole cr --verb=get --non-resource-url=/metrics */
        { "ClusterRole",
          "6b3873000a2b0a1c726261632e617574686f72697a6174696f6e2e6b38732e696f2f7631120b43"
          "6c7573746572526f6c6512250a120a02637212001a0022002a00320038004200120f0a03676574"
          "2a082f6d6574726963731a002200",
          "{'metadata':{'name':'cr'},'rules':[{'verbs':['get'],'nonResourceURLs':['/metri"
          "cs']}]}" },
        /* kubectl create rolebinding rb --role=r --user=jane --serviceaccount=default:sa */
        { "RoleBinding",
          "6b3873000a2b0a1c726261632e617574686f72697a6174696f6e2e6b38732e696f2f7631120b52"
          "6f6c6542696e64696e671286010a120a02726212001a0022002a0032003800420012290a045573"
          "65721219726261632e617574686f72697a6174696f6e2e6b38732e696f1a046a616e652200121f"
          "0a0e536572766963654163636f756e7412001a027361220764656661756c741a240a1972626163"
          "2e617574686f72697a6174696f6e2e6b38732e696f1204526f6c651a01721a002200",
          "{'metadata':{'name':'rb'},'subjects':[{'kind':'User','apiGroup':'rbac.authoriz"
          "ation.k8s.io','name':'jane'},{'kind':'ServiceAccount','name':'sa','namespace':"
          "'default'}],'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Role','n"
          "ame':'r'}}" },
        /* kubectl create clusterrolebinding crb --clusterrole=r --group=g */
        { "ClusterRoleBinding",
          "6b3873000a320a1c726261632e617574686f72697a6174696f6e2e6b38732e696f2f7631121243"
          "6c7573746572526f6c6542696e64696e67126b0a130a0363726212001a0022002a003200380042"
          "0012270a0547726f75701219726261632e617574686f72697a6174696f6e2e6b38732e696f1a01"
          "6722001a2b0a19726261632e617574686f72697a6174696f6e2e6b38732e696f120b436c757374"
          "6572526f6c651a01721a002200",
          "{'metadata':{'name':'crb'},'subjects':[{'kind':'Group','apiGroup':'rbac.author"
          "ization.k8s.io','name':'g'}],'roleRef':{'apiGroup':'rbac.authorization.k8s.io'"
          ",'kind':'ClusterRole','name':'r'}}" },
        /* kubectl create poddisruptionbudget pdb --selector=a=b --min-available=50% */
        { "PodDisruptionBudget",
          "6b3873000a200a09706f6c6963792f76311213506f6444697372757074696f6e42756467657412"
          "380a130a0370646212001a0022002a0032003800420012150a09080110001a0335302512080a06"
          "0a01611201621a0a080018002000280030001a002200",
          "{'metadata':{'name':'pdb'},'spec':{'minAvailable':'50%','selector':{'matchLabe"
          "ls':{'a':'b'}}},'status':{'disruptionsAllowed':0,'currentHealthy':0,'desiredHe"
          "althy':0,'expectedPods':0}}" },
        /* kubectl create poddisruptionbudget pdb2 --selector=a=b --max-unavailable=1 */
        { "PodDisruptionBudget",
          "6b3873000a200a09706f6c6963792f76311213506f6444697372757074696f6e42756467657412"
          "360a140a047064623212001a0022002a00320038004200121212080a060a01611201621a060800"
          "10011a001a0a080018002000280030001a002200",
          "{'metadata':{'name':'pdb2'},'spec':{'selector':{'matchLabels':{'a':'b'}},'maxU"
          "navailable':1},'status':{'disruptionsAllowed':0,'currentHealthy':0,'desiredHea"
          "lthy':0,'expectedPods':0}}" },
        /* kubectl create quota q --hard=cpu=1,memory=1Gi,pods=0 --scopes=BestEffort */
        { "ResourceQuota",
          "6b3873000a130a027631120d5265736f7572636551756f7461124d0a110a017112001a0022002a"
          "0032003800420012360a0a0a0363707512030a01310a0f0a066d656d6f727912050a033147690a"
          "0b0a04706f647312030a0130120a426573744566666f72741a001a002200",
          "{'metadata':{'name':'q'},'spec':{'hard':{'cpu':'1','memory':'1Gi','pods':'0'},"
          "'scopes':['BestEffort']}}" },
        /* kubectl create priorityclass pc --value=0 --description=none */
        { "PriorityClass",
          "6b3873000a250a147363686564756c696e672e6b38732e696f2f7631120d5072696f7269747943"
          "6c61737312340a120a02706312001a0022002a003200380042001000180022046e6f6e652a1450"
          "7265656d70744c6f7765725072696f726974791a002200",
          "{'metadata':{'name':'pc'},'value':0,'description':'none','preemptionPolicy':'P"
          "reemptLowerPriority'}" },
        /* kubectl create ingress ing --class=nginx --rule=example.com/path*=svc:80,tls=cert */
        { "Ingress",
          "6b3873000a1f0a146e6574776f726b696e672e6b38732e696f2f76311207496e6772657373126a"
          "0a130a03696e6712001a0022002a00320038004200124f12130a0b6578616d706c652e636f6d12"
          "04636572741a310a0b6578616d706c652e636f6d12220a200a1e0a052f70617468120d220b0a03"
          "73766312040a0010501a0650726566697822056e67696e781a020a001a002200",
          "{'metadata':{'name':'ing'},'spec':{'tls':[{'hosts':['example.com'],'secretName"
          "':'cert'}],'rules':[{'host':'example.com','http':{'paths':[{'path':'/path','ba"
          "ckend':{'service':{'name':'svc','port':{'number':80}}},'pathType':'Prefix'}]}}"
          "],'ingressClassName':'nginx'}}" },
        /* kubectl create namespace ns */
        { "Namespace",
          "6b3873000a0f0a02763112094e616d657370616365121a0a120a026e7312001a0022002a003200"
          "3800420012001a020a001a002200",
          "{'metadata':{'name':'ns'}}" },
        /* kubectl create serviceaccount sa */
        { "ServiceAccount",
          "6b3873000a140a027631120e536572766963654163636f756e7412140a120a02736112001a0022"
          "002a003200380042001a002200",
          "{'metadata':{'name':'sa'}}" },
        /* kubectl create token sa --duration=10m */
        { "TokenRequest",
          "6b3873000a280a1861757468656e7469636174696f6e2e6b38732e696f2f7631120c546f6b656e"
          "52657175657374121d0a100a0012001a0022002a00320038004200120320d8041a040a0012001a"
          "002200",
          "{'spec':{'expirationSeconds':600}}" },
        /* kubectl auth can-i get pods */
        { "SelfSubjectAccessReview",
          "6b3873000a320a17617574686f72697a6174696f6e2e6b38732e696f2f7631121753656c665375"
          "626a656374416363657373526576696577123c0a100a0012001a0022002a00320038004200121e"
          "0a1c0a0764656661756c7412036765741a0022002a04706f647332003a001a08080012001a0020"
          "001a002200",
          "{'spec':{'resourceAttributes':{'namespace':'default','verb':'get','resource':'"
          "pods'}},'status':{'allowed':false}}" },
        /* kubectl auth whoami */
        { "SelfSubjectReview",
          "6b3873000a2d0a1861757468656e7469636174696f6e2e6b38732e696f2f7631121153656c6653"
          "75626a656374526576696577121a0a100a0012001a0022002a0032003800420012060a040a0012"
          "001a002200",
          "{}" },
};
