// wsload: epoll WebSocket load generator. gcc -O2 -o wsload wsload.c -lm [-DTLS -lssl -lcrypto]
// usage: wsload key=val ...
//  port= n= pid=(server pid for cpu) proto=ocpp1.6 mode=closed|paced|idle|storm rate= dur= warm= files=a,b,c(payload files) deflate=0/1 tls=0/1 boot=file hold=secs burst=N(concurrent handshakes, 0=all)
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <errno.h>
#include <unistd.h>
#include <time.h>
#include <fcntl.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif
static inline uint64_t now(){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec*1000000000ull+t.tv_nsec;}
typedef struct {uint8_t*p;int n;} Buf;
typedef struct {int fd;int st;/*0 new 1 connecting 2 tls 3 wait101 4 open 5 busy 9 dead*/int msg;uint64_t t0,tc,topen,tboot;uint8_t in[16384];int inlen;int attempts;
#ifdef TLS
SSL*ssl;
#endif
} C;
static C*cs;static int N=1,port,ep,mode,tls=0,deflate=0;static double dur=3,warm=1,rate=1000,hold=0;static int pid=0,burst=0;static char proto[64]="ocpp1.6";
static Buf msgs[64];static int nm=0;static Buf bootm;static char hostip[64]="127.0.0.1";
static uint64_t nrep=0,nerr=0,nclose=0,nconnfail=0;static uint64_t hist[4096];// log buckets
static int bucket(uint64_t ns){ // 64 sub-buckets per octave from 1us
  double us=ns/1000.0; if(us<1)us=1; int b=(int)(log2(us)*64); if(b>4095)b=4095; return b;}
static double bval(int b){return pow(2,(b+0.5)/64.0);}
static double pct(double q){uint64_t tot=0;for(int i=0;i<4096;i++)tot+=hist[i];uint64_t c=0;for(int i=0;i<4096;i++){c+=hist[i];if(c>=q*tot)return bval(i);}return -1;}
static Buf mkframe(const char*fn){FILE*f=fopen(fn,"rb");if(!f){perror(fn);exit(1);}static uint8_t tmp[65536];int n=fread(tmp,1,sizeof tmp,f);fclose(f);
  Buf b;b.p=malloc(n+14);int o=0;b.p[o++]=0x81|(deflate?0x40:0);if(n<126)b.p[o++]=0x80|n;else{b.p[o++]=0x80|126;b.p[o++]=n>>8;b.p[o++]=n&255;}
  uint8_t k[4]={0x37,0xfa,0x21,0x3d};memcpy(b.p+o,k,4);o+=4;for(int i=0;i<n;i++)b.p[o+i]=tmp[i]^k[i&3];b.n=o+n;return b;}
#ifdef TLS
static SSL_CTX*ctx;
#endif
static int rd(C*c,void*p,int n){
#ifdef TLS
 if(tls){int r=SSL_read(c->ssl,p,n);if(r<=0){int e=SSL_get_error(c->ssl,r);if(e==SSL_ERROR_WANT_READ||e==SSL_ERROR_WANT_WRITE){errno=EAGAIN;return -1;}return 0;}return r;}
#endif
 return read(c->fd,p,n);}
static int wr(C*c,const void*p,int n){
#ifdef TLS
 if(tls){int r=SSL_write(c->ssl,p,n);return r;}
#endif
 return send(c->fd,p,n,MSG_NOSIGNAL);}
static int inprog=0;static int nextc=0;static int nopen=0;
static void startc(int i){C*c=&cs[i];c->attempts++;c->fd=socket(AF_INET,SOCK_STREAM|SOCK_NONBLOCK,0);if(c->fd<0){perror("socket");exit(1);}int one=1;setsockopt(c->fd,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one);
  struct sockaddr_in a={0};a.sin_family=AF_INET;a.sin_port=htons(port);inet_pton(AF_INET,hostip,&a.sin_addr);
  c->t0=now();c->st=1;c->inlen=0;int r=connect(c->fd,(void*)&a,sizeof a);if(r<0&&errno!=EINPROGRESS){nconnfail++;close(c->fd);c->st=9;return;}
  struct epoll_event e={.events=EPOLLIN|EPOLLOUT|EPOLLET,.data.u32=i};epoll_ctl(ep,EPOLL_CTL_ADD,c->fd,&e);inprog++;}
// the Basic user name is the station in the path, as OCPP wants it
static char*basic(int i){static char o[64];static const char*a="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";unsigned char u[32]={0};int n=snprintf((char*)u,sizeof u,"CP%06d:secretpassword12",i),k=0;
  for(int j=0;j<n;j+=3){unsigned v=u[j]<<16|u[j+1]<<8|u[j+2];for(int s=18;s>=0;s-=6)o[k++]=a[v>>s&63];}for(int j=n;j%3;j++)o[k-1-(j-n)]='=';o[k]=0;return o;}
static void sendreq(int i){C*c=&cs[i];char b[1024];int n=snprintf(b,sizeof b,"GET /ocpp/CP%06d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\nAuthorization: Basic %s\r\n%s\r\n",i,port,proto,basic(i),deflate?"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n":"");
  if(wr(c,b,n)!=n){fprintf(stderr,"short req\n");}c->st=3;}
static void fire(int i,uint64_t t){C*c=&cs[i];c->t0=t;c->st=5;Buf*b=&msgs[c->msg%nm];c->msg++;int r=wr(c,b->p,b->n);if(r!=b->n){nerr++;}}
static void kill_(int i){C*c=&cs[i];if(c->st<4&&c->st>0)inprog--;if(c->st>=4&&c->st<9)nopen--;nclose++;c->st=9;close(c->fd);}
static int free_list_dirty=0;
static int *fl,fh=0,ft=0,fn=0; // free queue
static void pushfree(int i){fl[ft]=i;ft=(ft+1)%(N+1);fn++;}
static int popfree(){int i=fl[fh];fh=(fh+1)%(N+1);fn--;return i;}
static int running=0;static int bootphase=0;static int nboot=0;
static uint64_t maxopen=0;
static void onrep(int i,uint8_t*p,int len,int op){C*c=&cs[i];uint64_t t=now();
  if(bootphase){ if(c->tboot==0){c->tboot=t;nboot++;} c->st=4;return;}
  if(c->st!=5)return;nrep++;if(!deflate&&len>1&&p[1]=='4')nerr++;hist[bucket(t-c->t0)]++;c->st=4;
  if(running){if(mode==0)fire(i,t);else pushfree(i);}else if(mode!=0)pushfree(i);}
static void onio(int i,uint32_t ev){C*c=&cs[i];
  if(c->st==9)return;
  if(c->st==1){int e=0;socklen_t l=sizeof e;getsockopt(c->fd,SOL_SOCKET,SO_ERROR,&e,&l);if(e){nconnfail++;inprog--;close(c->fd);c->st=9;return;}if(!(ev&EPOLLOUT))return;c->tc=now();
#ifdef TLS
   if(tls){c->ssl=SSL_new(ctx);SSL_set_fd(c->ssl,c->fd);SSL_set_connect_state(c->ssl);c->st=2;}else
#endif
   sendreq(i);}
#ifdef TLS
  if(c->st==2){int r=SSL_do_handshake(c->ssl);if(r!=1){int e=SSL_get_error(c->ssl,r);if(e==SSL_ERROR_WANT_READ||e==SSL_ERROR_WANT_WRITE)return;kill_(i);return;}sendreq(i);}
#endif
  for(;;){int r=rd(c,c->in+c->inlen,sizeof c->in-c->inlen);if(r<0){if(errno==EAGAIN)break;kill_(i);return;}if(r==0){kill_(i);return;}c->inlen+=r;
    if(c->st==3){c->in[c->inlen]=0;uint8_t*e=memmem(c->in,c->inlen,"\r\n\r\n",4);if(!e)continue;if(memcmp(c->in,"HTTP/1.1 101",12)){nconnfail++;static int shown=0;if(!shown++){fprintf(stderr,"bad: %.300s\n",c->in);}inprog--;close(c->fd);c->st=9;return;}
      if(deflate&&!strcasestr((char*)c->in,"permessage-deflate")){fprintf(stderr,"no deflate negotiated\n");exit(1);}
      int h=e+4-c->in;memmove(c->in,c->in+h,c->inlen-h);c->inlen-=h;c->st=4;c->topen=now();inprog--;nopen++;if(bootm.p){c->st=5;int w=wr(c,bootm.p,bootm.n);if(w!=bootm.n)nerr++;} }
    int o=0;while(c->inlen-o>=2){uint8_t*p=c->in+o;int h=2;uint64_t n=p[1]&127;if(n==126){if(c->inlen-o<4)break;n=p[2]<<8|p[3];h=4;}else if(n==127){fprintf(stderr,"big\n");exit(1);}
      if(c->inlen-o<(int)(h+n))break;int op=p[0]&15;if(op==1||op==2){onrep(i,p+h,n,op);}else if(op==9){uint8_t b[160];b[0]=0x8a;b[1]=0x80|n;memset(b+2,0,4);memcpy(b+6,p+h,n);wr(c,b,6+n);}else if(op==8){kill_(i);return;}
      o+=h+n; if(c->st==9)return;}
    if(o){memmove(c->in,c->in+o,c->inlen-o);c->inlen-=o;} }
}
static clockid_t sclk;static double scpu(){if(!pid)return 0;struct timespec t;if(clock_gettime(sclk,&t))return 0;return t.tv_sec+t.tv_nsec/1e9;}
static double mainthr(){ if(!pid)return 0;char fn2[64];snprintf(fn2,64,"/proc/%d/task/%d/schedstat",pid,pid);FILE*f=fopen(fn2,"r");if(!f)return 0;unsigned long long a=0;if(fscanf(f,"%llu",&a)!=1)a=0;fclose(f);return a/1e9;}
static double mycpu(){struct timespec t;clock_gettime(CLOCK_PROCESS_CPUTIME_ID,&t);return t.tv_sec+t.tv_nsec/1e9;}
static int cmpd(const void*a,const void*b){double x=*(double*)a,y=*(double*)b;return x<y?-1:x>y;}
static void loop_until(uint64_t end,double r){struct epoll_event ev[512];uint64_t start=now();static double sched_t=0;uint64_t next=start;double per=r>0?1e9/r:0;double nx=start;(void)sched_t;(void)next;
  for(;;){uint64_t t=now();if(t>=end)break;
    int to=0; struct timespec ts={0,0}; if(mode==1&&running){ while(nx<=t&&fn>0){int i=popfree();if(cs[i].st!=4)continue;fire(i,(uint64_t)nx);nx+=per;} 
       if(nx>t){ts.tv_nsec=(long)(nx-t);if(ts.tv_nsec>50000000)ts.tv_nsec=50000000;if(nx>end&&end>t&&end-t<50000000)ts.tv_nsec=end-t;} else ts.tv_nsec=1000000; }
    else {to=(end-t)/1000000;if(to>50)to=50; if(to<1) to=1;ts.tv_nsec=to*1000000l;}
    int k=epoll_pwait2(ep,ev,512,&ts,0);for(int j=0;j<k;j++)onio(ev[j].data.u32,ev[j].events);
    if(nclose&&mode!=3&&nopen==0){fprintf(stderr,"all closed\n");exit(2);}
  }}
int main(int ac,char**av){char files[4096]="",boot[512]="";char modes[32]="closed";
  for(int i=1;i<ac;i++){char*e=strchr(av[i],'=');if(!e)continue;*e=0;char*k=av[i],*v=e+1;
    if(!strcmp(k,"port"))port=atoi(v);else if(!strcmp(k,"n"))N=atoi(v);else if(!strcmp(k,"pid"))pid=atoi(v);else if(!strcmp(k,"proto"))strcpy(proto,v);else if(!strcmp(k,"mode"))strcpy(modes,v);else if(!strcmp(k,"rate"))rate=atof(v);else if(!strcmp(k,"dur"))dur=atof(v);else if(!strcmp(k,"warm"))warm=atof(v);else if(!strcmp(k,"files"))strcpy(files,v);else if(!strcmp(k,"deflate"))deflate=atoi(v);else if(!strcmp(k,"tls"))tls=atoi(v);else if(!strcmp(k,"boot"))strcpy(boot,v);else if(!strcmp(k,"hold"))hold=atof(v);else if(!strcmp(k,"burst"))burst=atoi(v);}
  mode=!strcmp(modes,"paced")?1:!strcmp(modes,"idle")?2:!strcmp(modes,"storm")?3:0;
  for(char*s=strtok(files,",");s;s=strtok(0,","))msgs[nm++]=mkframe(s);if(boot[0])bootm=mkframe(boot);
#ifdef TLS
  if(tls){ctx=SSL_CTX_new(TLS_client_method());SSL_CTX_set_verify(ctx,SSL_VERIFY_NONE,0);SSL_CTX_set_session_cache_mode(ctx,SSL_SESS_CACHE_OFF);}
#endif
  if(pid)clock_getcpuclockid(pid,&sclk);
  cs=calloc(N,sizeof(C));fl=malloc(sizeof(int)*(N+1));ep=epoll_create1(0);
  struct epoll_event ev[512];double c0=scpu(),m0=mycpu();uint64_t t0=now();bootphase=bootm.p!=0;
  if(!burst)burst=mode==3?N:200;
  while(nopen+(int)nclose+(int)nconnfail<N|| (bootphase&&nboot+(int)nclose+(int)nconnfail<N)){while(nextc<N&&inprog<burst)startc(nextc++);int k=epoll_wait(ep,ev,512,100);for(int j=0;j<k;j++)onio(ev[j].data.u32,ev[j].events);if(now()-t0>60000000000ull){fprintf(stderr,"connect timeout nopen=%d nboot=%d\n",nopen,nboot);break;}}
  uint64_t t1=now();double c1=scpu();
  if(mode>=2){double*a=malloc(N*8),*b=malloc(N*8),*cc=malloc(N*8);int k=0,kb=0,kc=0;for(int i=0;i<N;i++){if(cs[i].tc)cc[kc++]=(cs[i].tc-t0)/1e6;if(cs[i].topen)a[k++]=(cs[i].topen-t0)/1e6;if(cs[i].tboot)b[kb++]=(cs[i].tboot-t0)/1e6;}qsort(a,k,8,cmpd);qsort(b,kb,8,cmpd);qsort(cc,kc,8,cmpd);
    printf("{\"n\":%d,\"open\":%d,\"booted\":%d,\"closed\":%lu,\"connfail\":%lu,\"all_s\":%.3f,\"srv_cpu_s\":%.3f,\"cpu_us_conn\":%.1f,\"gen_cpu\":%.3f,\"tcp_max_ms\":%.0f,\"open_p50_ms\":%.0f,\"open_max_ms\":%.0f,\"boot_p50_ms\":%.0f,\"boot_p99_ms\":%.0f,\"boot_max_ms\":%.0f}\n",N,nopen,nboot,nclose,nconnfail,(t1-t0)/1e9,c1-c0,(c1-c0)*1e6/N,mycpu()-m0,kc?cc[kc-1]:-1,k?a[k/2]:-1,k?a[k-1]:-1,kb?b[kb/2]:-1,kb?b[(int)(kb*.99)]:-1,kb?b[kb-1]:-1);fflush(stdout);
    mode=2;running=0;bootphase=0;if(hold>0)loop_until(now()+hold*1e9,0);return 0;}
  bootphase=0;running=1;
  if(mode==0)for(int i=0;i<N;i++)fire(i,now());else for(int i=0;i<N;i++)pushfree(i);
  for(int i=0;i<N;i++)cs[i].msg=i;
  loop_until(now()+warm*1e9,rate);
  nrep=0;memset(hist,0,sizeof hist);uint64_t e0=nerr;c0=scpu();double mt0=mainthr();m0=mycpu();t0=now();
  loop_until(t0+dur*1e9,rate);
  c1=scpu();double mt1=mainthr();t1=now();double w=(t1-t0)/1e9;
  printf("{\"n\":%d,\"rps\":%.0f,\"cpu_us\":%.2f,\"main_us\":%.2f,\"srv_util\":%.2f,\"main_util\":%.2f,\"gen_util\":%.2f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"err\":%lu,\"closed\":%lu}\n",N,nrep/w,(c1-c0)*1e6/nrep,(mt1-mt0)*1e6/nrep,(c1-c0)/w,(mt1-mt0)/w,(mycpu()-m0)/w,pct(.5),pct(.99),nerr-e0,nclose);
  return 0;}
